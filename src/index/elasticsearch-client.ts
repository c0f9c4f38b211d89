// One request to Elasticsearch: a method, a path, a body in; status and parsed JSON out. Whatever goes wrong is one WeirError whose
// text holds neither the body nor a secret. @elastic/elasticsearch does nodes, TLS and keep-alive; retries are the caller's.

import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { Client, Connection, errors, Transport } from '@elastic/elasticsearch';
import { WeirError } from '../model/errors.ts';

/** strict: what the client library accepts; auto: also Elasticsearch's own open-source builds and OpenSearch; off: anything. */
export type ProductCheck = 'auto' | 'strict' | 'off';

export interface ElasticsearchClientOptions {
  /** URLs, with `user:password@` where the server wants it. */
  readonly nodes: readonly string[];
  /** Goes before what stands in the URLs. */
  readonly username?: string;
  readonly password?: string;
  readonly apiKey?: string;
  /** PEM file of the authority that signed the server's certificate. */
  readonly caFile?: string;
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
  caFile,
  productCheck = 'auto',
  requestTimeoutMs = 60_000,
}: ElasticsearchClientOptions): ElasticsearchClient {
  const address = nodes.map(toSafeUrl).join(', ');
  let client: Client | undefined;

  function open(): Client {
    client ??= new Client({
      nodes: [...nodes],
      maxRetries: 0,
      requestTimeout: requestTimeoutMs,
      Connection: TellingConnection,
      ...(apiKey !== undefined && { auth: { apiKey } }),
      ...(username !== undefined && { auth: { username, password: password ?? '' } }),
      ...(caFile !== undefined && { ssl: { ca: readCertificate(caFile) } }),
      ...(productCheck === 'strict' ? {} : { Transport: UncheckedTransport }),
    });
    return client;
  }

  async function request(request: ElasticsearchRequest, signal: AbortSignal): Promise<ElasticsearchAnswer> {
    if (signal.aborted) throw stopped();
    const { connectionPool, transport } = open();
    const { method, path, query, body, encoding } = request;
    const pending = transport.request<Readable>(
      {
        method,
        path,
        ...(query === undefined ? {} : { querystring: { ...query } }),
        ...(body === undefined ? {} : Buffer.isBuffer(body) ? { bulkBody: body } : { body }),
      },
      { asStream: true, ...(encoding !== undefined && { headers: { 'content-encoding': encoding } }) },
    );
    // The library's timeout ends with the first byte of the answer: an answer that never ends needs a deadline of its own.
    const end = createEnd(signal, 2 * requestTimeoutMs);
    end.promise.catch(() => {
      pending.abort();
    });
    try {
      const { statusCode, headers, body: stream, meta } = await Promise.race([pending, end.promise]);
      const bytes = await readAnswer(stream, end.promise);
      connectionPool.markAlive(meta.connection);
      return {
        status: statusCode ?? 0,
        ...toContent(bytes),
        location: headers?.['location'] as string | undefined,
        retryAfter: headers?.['retry-after'] as string | undefined,
        node: toSafeUrl(meta.connection.url.href),
      };
    } catch (error) {
      pending.catch(() => undefined);
      throw error instanceof WeirError ? error : toWeirError(error, address);
    } finally {
      end.cancel();
    }
  }

  async function close(): Promise<void> {
    const closing = client;
    client = undefined;
    await closing?.close();
  }

  return { productCheck, address, request, close };
}

function readCertificate(path: string): string {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new WeirError('file-missing', `the certificate file ${path} can't be read (${reason})`, {
      hint: 'Correct index: elasticsearch: ca_file in the pipeline file.',
    });
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----'))
    throw new WeirError('file-invalid', `${path} holds no PEM certificate`, {
      hint: 'A PEM file begins with "-----BEGIN CERTIFICATE-----".',
    });
  return text;
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

/** Skips the library's own product check, which refuses Elasticsearch's open-source builds: elasticsearch-product.ts checks. */
class UncheckedTransport extends Transport {
  constructor(options: ConstructorParameters<typeof Transport>[0]) {
    super(options);
    const state = Object.getOwnPropertySymbols(this).find(({ description }) => description === 'product check');
    if (state === undefined) throw new WeirError('internal', '@elastic/elasticsearch has no product check to skip');
    const checkedAndFine = 2;
    Reflect.set(this, state, checkedAndFine);
  }
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

// Not AbortSignal.any: one per request on a signal that lives as long as the process leaks on Node 20.
function createEnd(signal: AbortSignal, ms: number): End {
  const { promise, reject } = deferred();
  const stop = (): void => reject(stopped());
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

async function readAnswer(stream: Readable, end: Promise<never>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  end.catch((error: Error) => stream.destroy(error));
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxAnswerBytes) throw new AnswerTooLarge();
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
}

class AnswerTooLarge extends Error {
  override readonly message = `the answer is larger than ${maxAnswerBytes >> 20} MB`;
}

function toContent(bytes: Buffer): Pick<ElasticsearchAnswer, 'json' | 'text'> {
  const text = bytes.toString('utf8');
  try {
    return { json: JSON.parse(text), text: '' };
  } catch {
    return { json: undefined, text: toShortText(text) };
  }
}

/** One printable line of bounded length. */
export function toShortText(text: string, maxLength = 200): string {
  const line = text
    .slice(0, 4 * maxLength)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return line.length > maxLength ? `${line.slice(0, maxLength)}…` : line;
}

function stopped(): WeirError {
  return new WeirError('stopped', 'the request to Elasticsearch was given up: weir is stopping', { retryable: true });
}

// The library's errors hold whole bodies and credentials: nothing of them but a short text goes on.
function toWeirError(error: unknown, address: string): WeirError {
  if (error instanceof errors.ProductNotSupportedError)
    return new WeirError('sink-refused', `the server at ${address} is not a distribution that strict mode accepts`, {
      hint: 'Set product_check: auto in the pipeline file to accept open-source builds and OpenSearch.',
    });
  return unavailable(error instanceof errors.NoLivingConnectionsError ? 'no node to ask' : toReason(error));
}

function unavailable(reason: string): WeirError {
  return new WeirError('sink-unavailable', reason, { retryable: true });
}

function toReason(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure';
  if (error instanceof AnswerTooLarge) return error.message;
  const { code } = error as NodeJS.ErrnoException;
  if (error.message === 'aborted' || code === 'ECONNRESET') return 'the connection was cut';
  return (
    /\b(E[A-Z_]{4,}|CERT_[A-Z_]+|UNABLE_TO_[A-Z_]+|DEPTH_ZERO_[A-Z_]+|SELF_SIGNED_[A-Z_]+)\b/.exec(
      error.message,
    )?.[1] ?? toShortText(error.message)
  );
}
