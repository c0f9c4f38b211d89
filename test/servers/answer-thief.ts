// A proxy before a Redis that counts its answers (or the commands to it), over all connections, and keeps one of them back: whoever asked
// sees the connection end instead of the answer, and can't know whether Redis has carried out the command.

import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

export interface AnswerThief {
  readonly port: number;
  /** Answers, or commands, so far. */
  readonly seen: () => number;
  stop(): Promise<void>;
}

export type Loot = 'answer' | 'command';

/** Steals the one with the number `stolen`, counted from 1; none where it is 0. */
export async function startAnswerThief(targetPort: number, loot: Loot, stolen: number): Promise<AnswerThief> {
  const sockets = new Set<Socket>();
  let seen = 0;
  const server = createServer((near) => {
    const far = createConnection(targetPort, '127.0.0.1');
    join(near, far, loot === 'command');
    join(far, near, loot === 'answer');
  });

  function join(from: Socket, to: Socket, isWatched: boolean): void {
    let rest: Buffer<ArrayBufferLike> = Buffer.alloc(0);
    sockets.add(from);
    from.setNoDelay(true);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      sockets.delete(from);
      // What is on its way to Redis gets there.
      to.end();
    });
    from.on('data', (bytes) => {
      if (!isWatched) {
        to.write(bytes);
        return;
      }
      rest = Buffer.concat([rest, bytes]);
      for (let length = lengthOf(rest, 0); length !== undefined; length = lengthOf(rest, 0)) {
        seen += 1;
        if (seen === stolen) {
          from.destroy();
          to.destroy();
          return;
        }
        to.write(rest.subarray(0, length));
        rest = rest.subarray(length);
      }
    });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen: () => seen,
    stop() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Of the answer or command (RESP 2 or 3) that begins at `at`; undefined: it is not whole yet. */
function lengthOf(bytes: Buffer, at: number): number | undefined {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd === -1) return undefined;
  const kind = String.fromCharCode(bytes[at] ?? 0);
  const afterLine = lineEnd + 2;
  const count = Number(bytes.toString('latin1', at + 1, lineEnd));
  if ('$=!'.includes(kind)) {
    const end = count < 0 ? afterLine : afterLine + count + 2;
    return end <= bytes.length ? end - at : undefined;
  }
  if (!'*~>%|'.includes(kind)) return afterLine - at;
  let end = afterLine;
  // Of a map, keys and values.
  for (let left = '%|'.includes(kind) ? 2 * count : count; left > 0; left -= 1) {
    const length = lengthOf(bytes, end);
    if (length === undefined) return undefined;
    end += length;
  }
  return end - at;
}
