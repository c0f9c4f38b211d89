// What stands before many an Elasticsearch, in the place of its own security (x-pack, which no jar on Maven has): TLS, users and API keys,
// a client certificate where one is wanted, and privileges by path. Errors are worded as x-pack words them.

import { type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createConnection, createServer as createTcpServer, type Socket } from 'node:net';

export interface TlsProxyOptions {
  /** URL of the server behind it. */
  readonly target: string;
  /** Certificate and key; `requestCert`, `ca` where clients must show one. */
  readonly tls: ServerOptions;
  /** Base64 of `user:password`, or an API key: whoever has one of them may enter. Undefined: everybody may. */
  readonly credentials?: { readonly basic?: string; readonly apiKey?: string };
  readonly host?: string;
}

export interface TlsProxy {
  readonly port: number;
  readonly url: string;
  /** 403 for what matches `METHOD /path`, with the privilege that is missing. */
  readonly forbidden: { readonly pattern: RegExp; readonly action: string }[];
  /** `METHOD /path` of what came through. */
  readonly seen: string[];
  /** Requests come in and are never answered. */
  isHanging: boolean;
  /** All requests are answered with this. */
  always: { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string } | undefined;
  stop(): Promise<void>;
}

export async function startTlsProxy({
  target,
  tls,
  credentials,
  host = '127.0.0.1',
}: TlsProxyOptions): Promise<TlsProxy> {
  const server = createServer(tls, (incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const line = `${incoming.method} ${(incoming.url ?? '').split('?')[0]}`;
    if (proxy.isHanging) return;
    if (proxy.always !== undefined) {
      outgoing.writeHead(proxy.always.status, proxy.always.headers).end(proxy.always.body);
      return;
    }
    if (!mayEnter(incoming.headers.authorization)) {
      const headers = { 'www-authenticate': 'Basic realm="security" charset="UTF-8"' };
      const reason = `unable to authenticate user for REST request [${incoming.url}]`;
      refuse(outgoing, 401, reason, headers);
      return;
    }
    const barred = proxy.forbidden.find(({ pattern }) => pattern.test(line));
    if (barred !== undefined) {
      refuse(outgoing, 403, `action [${barred.action}] is unauthorized for user [weir]`);
      return;
    }
    proxy.seen.push(line);
    await forward(incoming, Buffer.concat(chunks), outgoing);
  }

  function mayEnter(authorization: string | undefined): boolean {
    if (credentials === undefined) return true;
    const { basic, apiKey } = credentials;
    return (
      (basic !== undefined && authorization === `Basic ${basic}`) ||
      (apiKey !== undefined && authorization === `ApiKey ${apiKey}`)
    );
  }

  function forward({ method, url, headers }: IncomingMessage, body: Buffer, outgoing: ServerResponse): Promise<void> {
    const { host: _, authorization: __, ...passed } = headers;
    return new Promise((resolve, reject) => {
      const far = request(`${target}${url}`, { method: method ?? 'GET', headers: passed }, (response) => {
        outgoing.writeHead(response.statusCode ?? 500, response.headers);
        response.pipe(outgoing).on('finish', resolve).on('error', reject);
      });
      far.on('error', reject);
      far.end(body);
    });
  }

  const { port } = server.address() as AddressInfo;
  const proxy: TlsProxy = {
    port,
    url: `https://${host}:${port}`,
    forbidden: [],
    seen: [],
    isHanging: false,
    always: undefined,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;
}

function refuse(outgoing: ServerResponse, status: number, reason: string, headers: Record<string, string> = {}): void {
  const error = { type: 'security_exception', reason };
  outgoing.writeHead(status, { 'content-type': 'application/json', ...headers });
  outgoing.end(JSON.stringify({ error: { root_cause: [error], ...error }, status }));
}

export interface ForwardProxy {
  readonly port: number;
  /** `host:port` of each CONNECT that was let through. */
  readonly connected: string[];
  stop(): Promise<void>;
}

/**
 * A forward proxy that opens tunnels (CONNECT, RFC 9110 §9.3.6) for whoever has its password; `resolve` says where a name leads to, as
 * the DNS behind a proxy does.
 */
export async function startForwardProxy(options: {
  readonly basic?: string;
  readonly resolve?: (target: string) => number;
}): Promise<ForwardProxy> {
  const sockets = new Set<Socket>();
  const connected: string[] = [];
  const server = createTcpServer((near) => {
    sockets.add(near);
    near.on('error', () => near.destroy());
    near.on('close', () => sockets.delete(near));
    let head = '';
    const onData = (bytes: Buffer): void => {
      head += bytes.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      near.off('data', onData);
      const target = /^CONNECT (\S+) HTTP/.exec(head)?.[1] ?? '';
      const sent = /^proxy-authorization: *Basic (\S+)/im.exec(head)?.[1];
      if (options.basic !== undefined && sent !== options.basic) {
        near.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n');
        return;
      }
      connected.push(target);
      const port = options.resolve?.(target) ?? Number(target.split(':').at(-1));
      const far = createConnection(port, '127.0.0.1', () => near.write('HTTP/1.1 200 OK\r\n\r\n'));
      far.on('error', () => near.destroy());
      near.on('close', () => far.destroy());
      far.pipe(near);
      near.pipe(far);
    };
    near.on('data', onData);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    connected,
    stop() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
