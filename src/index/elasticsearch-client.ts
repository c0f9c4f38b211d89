// One request to Elasticsearch: a method, a path, a body in; status and parsed JSON out. Whatever goes wrong is one WeirError whose
// text holds neither the body nor a secret. @elastic/elasticsearch does nodes, TLS and keep-alive; retries are the caller's.

import type { Readable } from 'node:stream';
import { Client, Connection } from '@elastic/elasticsearch';
import { WeirError } from '../model/errors.ts';
import { toEndError } from './back-off.ts';
import { toConnectionFailure, unavailable } from './connection-failure.ts';
import { fetchAuthority, readTlsSettings, type TrustOptions } from './elasticsearch-trust.ts';
import { toShortText } from './short-text.ts';
import { UncheckedTransport } from './unchecked-transport.ts';

/** strict: what the client library accepts; auto: also Elasticsearch's own open-source builds and OpenSearch; off: anything. */
export type ProductCheck = 'auto' | 'strict' | 'off';

export interface ElasticsearchClientOptions extends TrustOptions {
  /** URLs of one cluster, with `user:password@` where it wants that. A node that does not answer is left out for a while. */
  readonly nodes: readonly string[];
  /** Goes before what stands in the URLs. */
  readonly username?: string;
  readonly password?: string;
  readonly apiKey?: string;
  readonly productCheck?: ProductCheck;
  /** A bulk request on a server that merges or collects garbage can take tens of seconds. */
  readonly requestTimeoutMs?: number;
}

export interface ElasticsearchRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** A Buffer is NDJSON, an object is JSON. A Buffer must not change before the request has ended. */
  readonly body?: Buffer | Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** The Buffer is compressed with it. */
  readonly encoding?: 'gzip';
}

export interface ElasticsearchAnswer {
  readonly status: number;
  /** Parsed JSON; undefined when the answer is something else. */
  readonly json: unknown;
  /** Begin of the answer when it is not JSON, for an error message. */
  readonly text: string;
  /** Where a redirect points to. */
  readonly location: string | undefined;
  /** The Retry-After header, as it came (RFC 9110 §10.2.3): seconds, or a date. */
  readonly retryAfter: string | undefined;
  /** The node that answered, without user and password. */
  readonly node: string;
}

export interface ElasticsearchClient {
  readonly productCheck: ProductCheck;
  /** For messages: the nodes, without user and password. */
  readonly address: string;
  /**
   * Resolves with any HTTP answer. Rejects with WeirError: `sink-unavailable` (no answer, a cut or endless one), `sink-refused`
   * (the client library does not take this server) or `stopped` (`signal` aborted).
   */
  request(request: ElasticsearchRequest, signal: AbortSignal): Promise<ElasticsearchAnswer>;
  close(): Promise<void>;
}

/** 2,000 items that all fail with long reasons are 2 MB; more is no answer of Elasticsearch. */
const maxAnswerBytes = 32 * 1024 * 1024;

export function createElasticsearchClient({
  nodes,
  username,
  password,
  apiKey,
  productCheck = 'auto',
  requestTimeoutMs = 60_000,
  ...trust
}: ElasticsearchClientOptions): ElasticsearchClient {
  const address = nodes.map(toSafeUrl).join(', ');
  let opened: Promise<Client> | undefined;

  function open(): Promise<Client> {
    opened ??= createClient().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  }

  async function createClient(): Promise<Client> {
    const settings = readTlsSettings(trust);
    const ca = trust.caFingerprint === undefined ? settings.ca : await fetchAuthority(nodes, trust);
    return new Client({
      nodes: [...nodes],
      // Only where a connection failed, and at once with the next node; ids make it harmless.
      maxRetries: nodes.length - 1,
      requestTimeout: requestTimeoutMs,
      Connection: TellingConnection,
      ...(apiKey !== undefined && { auth: { apiKey } }),
      ...(username !== undefined && { auth: { username, password: password ?? '' } }),
      ssl: { ...settings, ...(ca !== undefined && { ca }) },
      ...(trust.proxy !== undefined && { proxy: trust.proxy }),
      ...(productCheck === 'strict' ? {} : { Transport: UncheckedTransport }),
    });
  }

  async function request(request: ElasticsearchRequest, signal: AbortSignal): Promise<ElasticsearchAnswer> {
    if (signal.aborted) throw toEndError(signal, endedRequest);
    // The library's timeout ends with the first byte of the answer: an answer that never ends needs a deadline of its own.
    const end = createEnd(signal, 2 * requestTimeoutMs);
    try {
      const client = await Promise.race([open(), end.promise]);
      // A node that redirects, or shows a page, is none: another one is asked.
      for (let others = nodes.length - 1; ; others -= 1) {
        const { answer, connection } = await ask(client, request, end);
        const isNode = answer.json !== undefined || (answer.text === '' && answer.location === undefined);
        if (isNode) client.connectionPool.markAlive(connection);
        if (isNode || others === 0) return answer;
        client.connectionPool.markDead(connection);
      }
    } catch (error) {
      const node = nodes.length > 1 ? toNode(error) : undefined;
      const proxy = trust.proxy === undefined ? undefined : toSafeUrl(trust.proxy);
      const showsCertificate = trust.certificateFile !== undefined;
      throw toConnectionFailure(error, { node, address, proxy, showsCertificate });
    } finally {
      end.cancel();
    }
  }

  async function ask(
    { transport }: Client,
    { method, path, query, body, encoding, headers: own }: ElasticsearchRequest,
    end: End,
  ) {
    const pending = transport.request<Readable>(
      {
        method,
        path,
        ...(query === undefined ? {} : { querystring: { ...query } }),
        ...(body === undefined ? {} : Buffer.isBuffer(body) ? { bulkBody: body } : { body }),
      },
      { asStream: true, headers: { ...own, ...(encoding !== undefined && { 'content-encoding': encoding }) } },
    );
    pending.catch(() => undefined);
    end.promise.catch(() => {
      pending.abort();
    });
    const { statusCode, headers, body: stream, meta } = await Promise.race([pending, end.promise]);
    const status = statusCode ?? 0;
    const bytes = await readAnswer(stream, status, end.promise);
    const answer: ElasticsearchAnswer = {
      status,
      ...toContent(bytes),
      location: headers?.['location'] as string | undefined,
      retryAfter: headers?.['retry-after'] as string | undefined,
      node: toSafeUrl(meta.connection.url.href),
    };
    return { answer, connection: meta.connection };
  }

  async function close(): Promise<void> {
    const closing = opened;
    opened = undefined;
    await (await closing?.catch(() => undefined))?.close();
  }

  return { productCheck, address, request, close };
}

/** The URL without user, password and query. */
export function toSafeUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    // The text may hold a password: it is not shown.
    throw new WeirError('pipeline-invalid', 'the address of Elasticsearch is not an http or https URL', {
      hint: 'Write it as http://host:9200 or https://user:password@host:9200, special characters of the password as %XX.',
    });
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}

/** The library keeps an error's message only; that of several refused addresses (localhost is two) is empty. */
class TellingConnection extends Connection {
  override request(...[params, callback]: Parameters<Connection['request']>): ReturnType<Connection['request']> {
    let code: string | undefined;
    const request = super.request(params, (error, response) => {
      if (error !== null && code !== undefined && !error.message.includes(code)) error.message = code;
      callback(error, response);
    });
    request.prependListener('error', (error: NodeJS.ErrnoException) => {
      code = error.code;
    });
    return request;
  }
}

interface End {
  /** Rejects with WeirError when the request must end: its time is over, or weir is stopping. */
  readonly promise: Promise<never>;
  cancel(): void;
}

const endedRequest = 'the request to Elasticsearch was';

// Not AbortSignal.any: one per request on a signal that lives as long as the process leaks on Node 20.
function createEnd(signal: AbortSignal, ms: number): End {
  const { promise, reject } = deferred();
  const stop = (): void => reject(toEndError(signal, endedRequest));
  const timer = setTimeout(() => reject(unavailable('no answer in time')), ms);
  signal.addEventListener('abort', stop, { once: true });
  return {
    promise,
    cancel() {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    },
  };
}

function deferred(): { promise: Promise<never>; reject: (error: WeirError) => void } {
  let reject: (error: WeirError) => void = () => undefined;
  const promise = new Promise<never>((_, rejectPromise) => {
    reject = rejectPromise;
  });
  return { promise, reject };
}

async function readAnswer(stream: Readable, status: number, end: Promise<never>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  end.catch((error: Error) => stream.destroy(error));
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxAnswerBytes)
      throw unavailable(`the answer is larger than ${maxAnswerBytes >> 20} MB (HTTP ${status})`);
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
}

function toContent(bytes: Buffer): Pick<ElasticsearchAnswer, 'json' | 'text'> {
  const text = bytes.toString('utf8');
  try {
    return { json: JSON.parse(text), text: '' };
  } catch {
    return { json: undefined, text: toShortText(text) };
  }
}

/** The node whose connection failed. */
function toNode(error: unknown): string | undefined {
  const { meta } = error as { meta?: { meta?: { connection?: { url?: URL } } } };
  const url = meta?.meta?.connection?.url;
  return url && toSafeUrl(url.href);
}
