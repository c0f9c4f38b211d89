// Stands in for Elasticsearch where no Java is: GET /, _template, and _bulk with `create`, in memory. What it must know of the real
// one is held by the same tests on real servers (test/index/elasticsearch.test.ts).

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

export interface ItemError {
  readonly status: number;
  readonly type: string;
  readonly reason: string;
}

export interface ElasticsearchDouble {
  readonly url: string;
  /** Documents by index and id: "weir-flow-2026.11.24/batch-0". */
  readonly documents: Map<string, Record<string, unknown>>;
  readonly templates: Map<string, Record<string, unknown>>;
  /** What `GET /` says. */
  root: object;
  /** Status of all answers when not undefined. */
  status: number | undefined;
  /** Says whether a document is refused, and how. */
  refuse: (index: string, document: Record<string, unknown>) => ItemError | undefined;
  /** Status and body for what else is asked; undefined: as always. */
  answer: ((method: string, path: string) => [number, unknown] | undefined) | undefined;
  /** `authorization` headers that came. */
  readonly authorizations: Set<string>;
  stop(): Promise<void>;
}

export const elasticsearchRoot = {
  version: { number: '7.10.2', build_flavor: 'default' },
  tagline: 'You Know, for Search',
};

export async function startElasticsearchDouble(port = 0): Promise<ElasticsearchDouble> {
  const server = createServer(async (incoming, outgoing) => {
    const body = await readBody(incoming);
    const { authorization } = incoming.headers;
    if (authorization !== undefined) double.authorizations.add(authorization);
    const [status, json] = double.status === undefined ? answer(incoming, body) : [double.status, {}];
    outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));

  function answer({ method, url = '' }: IncomingMessage, body: string): [number, unknown] {
    const path = url.split('?')[0] ?? '';
    if (path === '/') return [200, double.root];
    if (path === '/_bulk') return bulk(body);
    const own = double.answer?.(method ?? '', decodeURIComponent(path));
    if (own !== undefined) return own;
    const [, kind = '', name] = /^\/_(template|index_template)(?:\/(.+))?$/.exec(path) ?? [];
    if (kind === '') return [404, { error: { type: 'no_handler', reason: path } }];
    if (method === 'PUT' && name !== undefined) {
      double.templates.set(name, JSON.parse(body) as Record<string, unknown>);
      return [200, { acknowledged: true }];
    }
    const found = [...double.templates].filter(([known]) => name === undefined || known === name);
    if (name !== undefined && found.length === 0) return [404, { error: 'not found' }];
    // This double is a 7.10: it has no legacy template.
    if (kind === 'template') return [200, {}];
    return [200, { index_templates: found.map(([known, content]) => ({ name: known, index_template: content })) }];
  }

  function bulk(body: string): [number, unknown] {
    if (!body.endsWith('\n'))
      return [400, { error: { type: 'illegal_argument_exception', reason: 'must be terminated by a newline' } }];
    const lines = body.slice(0, -1).split('\n');
    const items: object[] = [];
    for (let i = 0; i < lines.length; i += 2) {
      const { create } = JSON.parse(lines[i]!) as { create: { _index: string; _id: string } };
      items.push({ create: createDocument(create._index, create._id, lines[i + 1]!) });
    }
    return [200, { took: 1, errors: true, items }];
  }

  function createDocument(index: string, id: string, source: string): object {
    const key = `${index}/${id}`;
    const document = JSON.parse(source) as Record<string, unknown>;
    const error = double.refuse(index, document);
    if (error !== undefined) return { status: error.status, error: { type: error.type, reason: error.reason } };
    if (double.documents.has(key))
      return { status: 409, error: { type: 'version_conflict_engine_exception', reason: id } };
    double.documents.set(key, document);
    return { status: 201 };
  }

  const double: ElasticsearchDouble = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    documents: new Map(),
    templates: new Map(),
    root: elasticsearchRoot,
    status: undefined,
    answer: undefined,
    refuse: () => undefined,
    authorizations: new Set(),
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return double;
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return (incoming.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();
}
