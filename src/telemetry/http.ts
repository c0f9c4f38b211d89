// The HTTP server of weir itself: a table of paths in, answers out. Read-only. What it lets in: GET and HEAD, from this machine, or
// with a token or a password from others (RFC 9110 §11, RFC 6750). A page of another site gets nothing: no CORS, and no foreign Host.

import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { WeirError } from '../model/errors.ts';
import { createConnectionRoom } from './connection-room.ts';
import type { Logger } from './logger.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

export interface HttpRequest {
  /** After the "?". */
  readonly query: URLSearchParams;
  readonly accept: string;
  /** Came with the right token or password, or where none is needed. */
  readonly isTrusted: boolean;
}

export interface HttpRoute {
  /** True: who has no token or password gets an answer, too. */
  readonly isOpen?: boolean;
  answer(request: HttpRequest): HttpAnswer | Promise<HttpAnswer>;
}

/**
 * Who may ask. Both may be absent: then whoever reaches the address. A browser can't be given a token: where there is no password,
 * the token is one, for whatever name.
 */
export interface HttpAccess {
  readonly token?: string;
  readonly username?: string;
  readonly password?: string;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly access: HttpAccess;
  /** By path. */
  readonly routes: ReadonlyMap<string, HttpRoute>;
  readonly logger: Logger;
}

export interface HttpServer {
  /** Throws WeirError `listen-failed`. */
  start(): Promise<void>;
  /** "http://127.0.0.1:8081" */
  address(): string;
  stop(): Promise<void>;
}

const limits = {
  /** A Prometheus, an orchestrator, and a few browsers with six connections each. */
  connections: 64,
  headerBytes: 8192,
  headersMs: 5000,
  requestMs: 10_000,
  /** Without a byte in either direction: somebody who does not read his answer. */
  idleMs: 30_000,
  urlLength: 2048,
} as const;

const safeHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

export function createHttpServer({ host, port, access, routes, logger }: HttpServerOptions): HttpServer {
  const mayAsk = createAccessCheck(access);
  const needsAccess = access.token !== undefined || access.username !== undefined;
  const room = createConnectionRoom(limits.connections);
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      connectionsCheckingInterval: 1000,
      keepAliveTimeout: 5000,
    },
    (request, response) => {
      const { socket } = request;
      room.asked(socket);
      response.once('close', () => room.answered(socket));
      void respond(request, response);
    },
  );
  server.on('connection', room.opened);
  server.setTimeout(limits.idleMs);
  // A request that is none: Node's own answer says so, and closes.
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
  });

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A body is of no use here: it is not waited for.
    if (request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0)
      response.shouldKeepAlive = false;
    try {
      send(response, request.method === 'HEAD', await toAnswer(request));
    } catch (error) {
      logger.error(
        { path: pathOf(request), reason: error instanceof Error ? error.message : String(error) },
        'no answer',
      );
      send(response, false, plain(500, 'a mistake in weir itself; the log says more'));
    }
  }

  async function toAnswer(request: IncomingMessage): Promise<HttpAnswer> {
    const { method = '', url = '', headers } = request;
    // By a name that somebody else's DNS answers for, a page of theirs would be of the same site as this server.
    if (!needsAccess && !isOwnHost(headers.host)) return plain(403, 'ask by the address, or as localhost');
    if (url.length > limits.urlLength) return plain(414, 'the address is too long');
    const path = pathOf(request);
    const route = routes.get(path);
    if (route === undefined) return plain(404, `there is ${[...routes.keys()].join(', ')}`);
    if (method !== 'GET' && method !== 'HEAD') return { ...plain(405, 'only GET'), headers: { allow: 'GET, HEAD' } };
    const isTrusted = mayAsk(headers.authorization);
    if (!isTrusted && route.isOpen !== true) {
      const challenges = ['Basic realm="weir", charset="UTF-8"'];
      if (access.token !== undefined) challenges.unshift('Bearer realm="weir"');
      return { ...plain(401, 'a token or a password is needed'), headers: { 'www-authenticate': challenges } };
    }
    const query = new URLSearchParams(url.slice(path.length + 1));
    return route.answer({ query, accept: headers.accept ?? '', isTrusted });
  }

  function start(): Promise<void> {
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(toListenError(error, host, port)));
      server.listen({ host, port }, () => {
        server.on('error', (error) => logger.error({ reason: error.message }, 'the HTTP server has a trouble'));
        // Nothing but flows keeps weir alive.
        server.unref();
        resolve();
      });
    });
  }

  function address(): string {
    const bound = server.address();
    return `http://${toHostText(host)}:${bound !== null && typeof bound === 'object' ? bound.port : port}`;
  }

  function stop(): Promise<void> {
    return new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  return { start, address, stop };
}

export function plain(status: number, text: string): HttpAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${text}\n` };
}

export function json(status: number, value: unknown): HttpAnswer {
  return { status, contentType: 'application/json; charset=utf-8', body: `${JSON.stringify(value)}\n` };
}

function send(response: ServerResponse, isHead: boolean, { status, contentType, body, headers }: HttpAnswer): void {
  const length = Buffer.byteLength(body);
  response.writeHead(status, { ...safeHeaders, 'content-type': contentType, 'content-length': length, ...headers });
  response.end(isHead ? undefined : body);
}

function pathOf({ url = '' }: IncomingMessage): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

/** "localhost", or an address: names can be made to point anywhere (DNS rebinding), addresses can't. */
function isOwnHost(host = ''): boolean {
  return /^(?:localhost|[\d.]+|\[[\da-f:.]+\])(?::\d+)?$/i.test(host);
}

/** In a time that tells nothing about what is right. */
function createAccessCheck({ token, username, password = '' }: HttpAccess): (header: string | undefined) => boolean {
  const wanted: string[] = [];
  if (token !== undefined) wanted.push(`bearer ${token}`);
  if (username !== undefined) wanted.push(`basic ${Buffer.from(`${username}:${password}`).toString('base64')}`);
  const digests = wanted.map(toDigest);
  return (header = '') => {
    if (digests.length === 0) return true;
    const shown = header.replace(/^[a-z]+ +/i, (scheme) => `${scheme.trim().toLowerCase()} `);
    const given = toDigest(username === undefined ? withPasswordAsToken(shown) : shown);
    return digests.filter((digest) => timingSafeEqual(digest, given)).length > 0;
  };
}

function withPasswordAsToken(header: string): string {
  if (!header.startsWith('basic ')) return header;
  const pair = Buffer.from(header.slice('basic '.length), 'base64').toString();
  return `bearer ${pair.slice(pair.indexOf(':') + 1)}`;
}

function toDigest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

export function toHostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

function toListenError(error: NodeJS.ErrnoException, host: string, port: number): WeirError {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: 'another program, or another weir, has this port',
    EACCES: 'this user may not open this port',
    EADDRNOTAVAIL: 'this machine has no such address',
  };
  const reason = reasons[error.code ?? ''] ?? error.code ?? error.message;
  return new WeirError(
    'listen-failed',
    `telemetry.http: http://${toHostText(host)}:${port} can't be opened: ${reason}`,
    {
      hint: 'Name another address in the pipeline file, such as telemetry: { http: "127.0.0.1:8082" }, or telemetry: { http: off }.',
      context: { port },
    },
  );
}
