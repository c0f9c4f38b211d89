// The receive buffer of a UDP socket: asks for it, and says what to do when the kernel gives less.

import type { Socket } from 'node:dgram';

/** Asks for the buffer and returns the bytes that were given. */
export function askReceiveBuffer(socket: Socket, bytes: number): number {
  // Linux cuts the size down silently; others refuse one that is too large. Below 64 KB it is not worth asking.
  for (let asked = bytes; asked >= Math.min(bytes, 65_536); asked = Math.floor(asked / 2)) {
    try {
      socket.setRecvBufferSize(asked);
      break;
    } catch {
      // The next size may be allowed.
    }
  }
  return readReceiveBuffer(socket);
}

/** Bytes that the socket has. */
export function readReceiveBuffer(socket: Socket): number {
  const size = socket.getRecvBufferSize();
  // socket(7): Linux doubles the value for its own bookkeeping, and tells the doubled one.
  return process.platform === 'linux' ? size / 2 : size;
}

/** One line with the command that mends it; undefined when the buffer is as large as asked. */
export function toReceiveBufferAdvice(askedBytes: number, givenBytes: number): string | undefined {
  if (givenBytes >= askedBytes) return undefined;
  const command =
    process.platform === 'linux'
      ? `sysctl -w net.core.rmem_max=${askedBytes}`
      : `sysctl -w kern.ipc.maxsockbuf=${askedBytes}`;
  return (
    `the kernel gave a receive buffer of ${toText(givenBytes)} instead of ${toText(askedBytes)}: it drops what comes in ` +
    `a burst beyond it. Run as root, then start weir again: ${command}`
  );
}

function toText(bytes: number): string {
  return bytes >= 1_048_576 ? `${Math.round(bytes / 104_857.6) / 10} MB` : `${Math.round(bytes / 102.4) / 10} KB`;
}
