// A TCP proxy between weir and Redis that does what bad networks do, to the connections that are there and to new ones.

import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  readonly port: number;
  /** Ends every connection now; new ones come through. */
  cut(): void;
  /** Ends every connection, and refuses new ones until `mend`. */
  refuse(): void;
  /** Connections stay open and nothing comes through until `mend`. */
  swallow(): void;
  /** Each piece arrives so much later until `mend`. */
  delay(ms: number): void;
  mend(): void;
  stop(): Promise<void>;
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let way: 'open' | 'refusing' | 'swallowing' = 'open';
  let delayMs = 0;
  const held: (() => void)[] = [];

  const server = createServer((near) => {
    if (way === 'refusing') {
      near.destroy();
      return;
    }
    const far = createConnection(targetPort, '127.0.0.1');
    join(near, far);
    join(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  function join(from: Socket, to: Socket): void {
    sockets.add(from);
    from.setNoDelay(true);
    // One behind the other, whatever holds the first one.
    let before = Promise.resolve();
    from.on('data', (bytes) => {
      const until = holding();
      before = before.then(() => until).then(() => void (to.destroyed || to.write(bytes)));
    });
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  }

  function holding(): Promise<void> {
    if (way === 'swallowing') return new Promise((resolve) => held.push(resolve));
    return delayMs === 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, delayMs));
  }

  function cut(): void {
    for (const socket of sockets) socket.destroy();
  }

  return {
    port: (server.address() as AddressInfo).port,
    cut,
    refuse() {
      way = 'refusing';
      cut();
    },
    swallow() {
      way = 'swallowing';
    },
    delay(ms) {
      delayMs = ms;
    },
    mend() {
      way = 'open';
      delayMs = 0;
      for (const pass of held.splice(0)) pass();
    },
    stop() {
      cut();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
