// One request to Kibana: JSON, or a file to import, in; the JSON of a good answer out. Whatever goes wrong is one WeirError that names
// the key of the pipeline file which mends it. TLS, sign-in and bounds are those of the client of Elasticsearch.

import { WeirError } from '../model/errors.ts';
import { createElasticsearchClient, type ElasticsearchAnswer } from './elasticsearch-client.ts';
import { asRecord, toShown, toTarget } from './server-answer.ts';
import { toShortText } from './short-text.ts';

export interface KibanaClientOptions {
  /** With the base path, without the space. */
  readonly url: string;
  readonly space?: string;
  readonly username?: string;
  readonly password?: string;
  readonly apiKey?: string;
  readonly caFile?: string;
  readonly caFingerprint?: string;
}

export interface KibanaRequest {
  readonly method: 'GET' | 'POST';
  /** "/api/status" */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly json: unknown } | { readonly file: string };
  /** Not below the space. */
  readonly isGlobal?: boolean;
}

export interface KibanaClient {
  readonly address: string;
  readonly space: string;
  /** Any answer of HTTP. Throws WeirError `kibana-unavailable`, `kibana-refused`. */
  ask(request: KibanaRequest, signal: AbortSignal): Promise<ElasticsearchAnswer>;
  /** The JSON of a good answer; the others are thrown. `what`: "read what is there". */
  request(request: KibanaRequest, what: string, signal: AbortSignal): Promise<Readonly<Record<string, unknown>>>;
  close(): Promise<void>;
}

const boundary = 'weir-saved-objects';

/** An import of 200 objects takes seconds. */
const requestTimeoutMs = 60_000;

export function createKibanaClient({ url, space = 'default', ...access }: KibanaClientOptions): KibanaClient {
  const client = createElasticsearchClient({ nodes: [url], ...access, requestTimeoutMs });
  const prefix = space === 'default' ? '' : `/s/${space}`;
  const { address } = client;

  async function ask({ method, path, query, body, isGlobal = false }: KibanaRequest, signal: AbortSignal) {
    try {
      return await client.request(
        {
          method,
          path: `${isGlobal ? '' : prefix}${path}`,
          headers: { 'kbn-xsrf': 'true', ...(body !== undefined && { 'content-type': toContentType(body) }) },
          ...(query !== undefined && { query }),
          ...(body !== undefined && { body: toBytes(body) }),
        },
        signal,
      );
    } catch (error) {
      throw toKibanaError(error, address);
    }
  }

  async function request(asked: KibanaRequest, what: string, signal: AbortSignal) {
    const answer = await ask(asked, signal);
    const good = asRecord(answer.json);
    if (answer.status >= 200 && answer.status < 300 && good !== undefined) return good;
    throw toRefusal(answer, what, address);
  }

  return { address, space, ask, request, close: client.close };
}

function toContentType(body: NonNullable<KibanaRequest['body']>): string {
  return 'json' in body ? 'application/json' : `multipart/form-data; boundary=${boundary}`;
}

/** RFC 7578 §4; Kibana wants the name of the file to end with .ndjson. */
function toBytes(body: NonNullable<KibanaRequest['body']>): Buffer {
  if ('json' in body) return Buffer.from(JSON.stringify(body.json));
  const head = `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="weir.ndjson"\r\ncontent-type: application/ndjson`;
  return Buffer.from(`${head}\r\n\r\n${body.file}\r\n--${boundary}--\r\n`);
}

/** What the client of Elasticsearch says, as it is called here. */
function toKibanaError(error: unknown, address: string): unknown {
  if (!(error instanceof WeirError)) return error;
  const said = (text: string): string =>
    text
      .replaceAll('index: elasticsearch: nodes', 'kibana: url')
      .replaceAll('index: elasticsearch:', 'kibana:')
      .replaceAll('Elasticsearch', 'Kibana');
  const isAway = error.code === 'sink-unavailable';
  const code = isAway ? 'kibana-unavailable' : error.code === 'sink-refused' ? 'kibana-refused' : error.code;
  const hint = error.hint ?? (isAway ? 'Is Kibana started, and kibana: url (--kibana) right?' : undefined);
  return new WeirError(code, `Kibana at ${address}: ${said(error.message)}`, {
    ...(hint !== undefined && { hint: said(hint) }),
    retryable: error.retryable,
  });
}

/** An answer that is not what was asked for, in one line. */
export function toRefusal(answer: ElasticsearchAnswer, what: string, address: string): WeirError {
  const { status, json, text, location } = answer;
  const said = asRecord(json)?.['message'];
  const reason = typeof said === 'string' ? `: ${toShortText(said)}` : '';
  const refuse = (message: string, hint: string): WeirError =>
    new WeirError('kibana-refused', `Kibana at ${address}: ${message}`, { hint });
  if (status === 401)
    return refuse(
      'it does not accept the user and password, or the API key (HTTP 401)',
      'Correct username and password, or api_key, in kibana: (absent there, those of index: elasticsearch: count).',
    );
  if (status === 403)
    return refuse(
      `the user may not ${what} (HTTP 403${reason})`,
      'Give its role the Kibana privilege "Saved Objects Management: all" in this space, or name another user in kibana: username.',
    );
  if (status >= 300 && status < 400)
    return refuse(
      `a redirect${toTarget(location)} (HTTP ${status})`,
      'Name the address of Kibana itself, base path included, in kibana: url (--kibana).',
    );
  if (status === 413)
    return refuse(
      `the import is too large for it, or for a proxy (HTTP 413${reason})`,
      'Raise savedObjects.maxImportPayloadBytes of Kibana, or the limit of the proxy.',
    );
  if (status === 429 || status >= 500)
    return new WeirError(
      'kibana-unavailable',
      `Kibana at ${address}: HTTP ${status}${reason === '' ? ` with ${toShown(text)}` : reason}`,
      { retryable: true, hint: 'Look into the log of Kibana, and of the proxy before it, if there is one.' },
    );
  if (json === undefined || status === 404 || status < 300)
    return refuse(
      `what answers there is not Kibana: ${json === undefined ? toShown(text) : `JSON of another kind${reason}`} (HTTP ${status})`,
      'Correct kibana: url (--kibana); a base path (server.basePath) is part of it.',
    );
  return refuse(`it does not ${what} (HTTP ${status}${reason})`, 'weir imports into Kibana 7.3 to 7.17.');
}
