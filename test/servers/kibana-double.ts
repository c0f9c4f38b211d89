// Stands in for Kibana: status, spaces, _bulk_get, create and _import of saved objects, in memory. Recorded from a real OSS 7.10.2: the
// forms of /api/status, of _bulk_get with and without an object, of 404 and 415, and that _import without errors says success and
// successCount. From Kibana's documents: `errors` of _import, and the space API, which OSS does not have.

import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface KibanaDouble {
  readonly url: string;
  /** `space/type/id` → what Kibana keeps. */
  readonly objects: Map<string, { attributes: Record<string, unknown>; updated_at: string; references: unknown[] }>;
  /** "METHOD path" of each request. */
  readonly seen: string[];
  readonly authorizations: (string | undefined)[];
  readonly spaces: Set<string>;
  version: string;
  /** Says what is wrong with an object that is imported. */
  refuse: (key: string) => string | undefined;
  /** Answers before anything else. */
  before: (request: string) => { status: number; body: string; headers?: Record<string, string> } | undefined;
  stop(): Promise<void>;
}

interface Line {
  readonly type: string;
  readonly id: string;
  readonly attributes: Record<string, unknown>;
  readonly references?: unknown[];
}

export async function startKibanaDouble({ host = '127.0.0.1', port = 0 } = {}): Promise<KibanaDouble> {
  let clock = Date.parse('2026-01-01T00:00:00Z');
  const server = createServer(async (incoming, outgoing) => {
    const body = await readBody(incoming);
    const { pathname } = new URL(incoming.url ?? '', 'http://kibana');
    const request = `${incoming.method} ${pathname}`;
    double.seen.push(request);
    double.authorizations.push(incoming.headers.authorization);
    const said = double.before(request);
    if (said !== undefined) {
      outgoing.writeHead(said.status, said.headers).end(said.body);
      return;
    }
    const isForged = incoming.method !== 'GET' && incoming.headers['kbn-xsrf'] === undefined;
    const [status, json] = isForged ? missing(400) : answer(request, body);
    outgoing.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(json));
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));

  function answer(request: string, body: string): [number, unknown] {
    if (request === 'GET /api/status')
      return [200, { name: 'kibana', version: { number: double.version }, status: { overall: { state: 'green' } } }];
    const [, asked] = /^GET \/api\/spaces\/space\/(.+)$/.exec(request) ?? [];
    if (asked !== undefined) return double.spaces.has(asked) ? [200, { id: asked, name: asked }] : missing(404);
    const [, method, space = 'default', rest = ''] =
      /^(\w+) (?:\/s\/([^/]+))?\/api\/saved_objects\/(.+)$/.exec(request) ?? [];
    if (method !== 'POST') return missing(404);
    if (rest === '_bulk_get')
      return [200, { saved_objects: (JSON.parse(body) as Line[]).map((line) => get(space, line)) }];
    if (rest === '_import') return importFile(space, body);
    const [type = '', id = ''] = rest.split('/');
    put(space, { ...(JSON.parse(body) as Line), type, id });
    return [200, get(space, { type, id, attributes: {} })];
  }

  function get(space: string, { type, id }: Line): object {
    const found = double.objects.get(`${space}/${type}/${id}`);
    const error = { statusCode: 404, error: 'Not Found', message: `Saved object [${type}/${id}] not found` };
    return found === undefined ? { id, type, error } : { id, type, ...found };
  }

  /** Migrates, as Kibana does: what comes out is not what went in. */
  function put(space: string, { type, id, attributes, references = [] }: Line): void {
    clock += 1000;
    const updated_at = new Date(clock).toISOString();
    double.objects.set(`${space}/${type}/${id}`, {
      attributes: { ...attributes, migrated: true },
      updated_at,
      references,
    });
  }

  function importFile(space: string, body: string): [number, unknown] {
    const lines =
      body
        .split('\r\n\r\n')[1]
        ?.split('\n')
        .filter((line) => line.startsWith('{')) ?? [];
    const errors: object[] = [];
    for (const line of lines.map((text) => JSON.parse(text) as Line)) {
      const type = double.refuse(`${line.type}/${line.id}`);
      if (type === undefined) put(space, line);
      else errors.push({ id: line.id, type: line.type, title: line.attributes['title'], error: { type } });
    }
    const successCount = lines.length - errors.length;
    return [200, errors.length === 0 ? { success: true, successCount } : { success: false, successCount, errors }];
  }

  const double: KibanaDouble = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects: new Map(),
    seen: [],
    authorizations: [],
    spaces: new Set(['default']),
    version: '7.10.2',
    refuse: () => undefined,
    before: () => undefined,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return double;
}

function missing(status: number): [number, unknown] {
  const error = status === 404 ? 'Not Found' : 'Bad Request';
  return [status, { statusCode: status, error, message: error }];
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
