// An HTTP proxy between weir and Elasticsearch that does what bad networks and proxies do: to _bulk requests only, once for each
// fault in `faults`, or to all while `always` is set.

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Fault =
  /** The connection ends before the server sees the request. */
  | 'cut before'
  /** The server carries out the request, but its answer is lost. */
  | 'cut after'
  /** The server carries out the request; half of its answer arrives. */
  | 'cut in the answer'
  /** The answer never ends. */
  | 'stall'
  /** An answer of 40 MB. */
  | 'huge'
  | {
      readonly status: number;
      readonly type?: string;
      readonly body?: string;
      readonly headers?: Record<string, string>;
    };

export interface FaultProxy {
  readonly url: string;
  readonly faults: Fault[];
  always: Fault | undefined;
  /** Requests for larger bodies get 413. */
  maxBodyBytes: number;
  /** Method and path of each request, and the length of its body. */
  readonly seen: { readonly line: string; readonly bytes: number }[];
  stop(): Promise<void>;
}

export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => outgoing.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  async function answer(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const path = incoming.url ?? '';
    proxy.seen.push({ line: `${incoming.method} ${path.split('?')[0]}`, bytes: body.length });
    const fault = path.startsWith('/_bulk') ? (proxy.always ?? proxy.faults.shift()) : undefined;
    if (path.startsWith('/_bulk') && body.length > proxy.maxBodyBytes) {
      outgoing.writeHead(413, { 'content-type': 'text/html' }).end('<html>413 Request Entity Too Large</html>');
      return;
    }
    if (fault === 'cut before') {
      outgoing.destroy();
    } else if (fault === 'stall') {
      outgoing.writeHead(200, { 'content-type': 'application/json' }).write('{"took":1,');
    } else if (fault === 'huge') {
      outgoing.writeHead(200, { 'content-type': 'application/json' });
      for (let sent = 0; sent < 40 && !outgoing.destroyed; sent += 1)
        await new Promise((resolve) => outgoing.write(' '.repeat(1_048_576), resolve));
      outgoing.end();
    } else if (typeof fault === 'object') {
      outgoing.writeHead(fault.status, { 'content-type': fault.type ?? 'application/json', ...fault.headers });
      outgoing.end(fault.body ?? '');
    } else {
      const real = await forward(incoming, body);
      if (fault === 'cut after') outgoing.destroy();
      else if (fault === 'cut in the answer') {
        outgoing.writeHead(real.status, { ...real.headers, 'content-length': `${real.body.length}` });
        outgoing.write(real.body.subarray(0, real.body.length >> 1), () => outgoing.destroy());
      } else outgoing.writeHead(real.status, real.headers).end(real.body);
    }
  }

  function forward(
    { method, url, headers }: IncomingMessage,
    body: Buffer,
  ): Promise<{ status: number; headers: Record<string, string>; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const outgoing = request(
        `${target}${url}`,
        { method: method ?? 'GET', headers: { ...headers, host: '' } },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('error', reject);
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const type = response.headers['content-type'];
            const product = response.headers['x-elastic-product'] as string | undefined;
            resolve({
              status: response.statusCode ?? 500,
              headers: {
                ...(type === undefined ? {} : { 'content-type': type }),
                ...(product === undefined ? {} : { 'x-elastic-product': product }),
              },
              body: Buffer.concat(chunks),
            });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });
  }

  const proxy: FaultProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults: [],
    always: undefined,
    maxBodyBytes: Number.POSITIVE_INFINITY,
    seen: [],
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;
}
