// Room for connections of the HTTP server: when all places are taken, the one that has waited longest without a request in hand goes, so that
// whoever holds places without asking anything keeps nobody out. Health checks are asked the same way: kept out, they would end weir.

import type { IncomingMessage } from 'node:http';

type Socket = IncomingMessage['socket'];

export interface ConnectionRoom {
  opened(socket: Socket): void;
  /** A request has come whole. */
  asked(socket: Socket): void;
  answered(socket: Socket): void;
}

export function createConnectionRoom(maxConnections: number): ConnectionRoom {
  /** Without a request in hand, those that have waited longest first. */
  const waiting = new Set<Socket>();
  let open = 0;

  return {
    opened(socket) {
      open += 1;
      waiting.add(socket);
      socket.once('close', () => {
        open -= 1;
        waiting.delete(socket);
      });
      if (open <= maxConnections) return;
      const [longest] = waiting;
      // A reset leaves nothing behind in the kernel.
      longest?.resetAndDestroy();
    },
    asked: (socket) => void waiting.delete(socket),
    answered(socket) {
      if (!socket.destroyed) waiting.add(socket);
    },
  };
}
