// What to tell the user when a UDP port can't be opened, or its receive buffer is smaller than asked.

import type { Socket } from 'node:dgram';
import { WeirError } from '../model/errors.ts';

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

export function toListenError({ host, port }: { host: string; port: number }, cause: unknown): WeirError {
  const { code = 'unknown', message } = cause as NodeJS.ErrnoException;
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const reasons: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
    EADDRINUSE: [
      'the port is in use',
      `Another program, another weir or another line of "listen" holds it: ${
        process.platform === 'linux' ? `ss -lunp 'sport = :${port}'` : `lsof -nP -iUDP:${port}`
      } names it (as root); stop that one, or listen on another port.`,
    ],
    EACCES: [
      'not allowed',
      'Ports below 1024 need root or CAP_NET_BIND_SERVICE: listen on a port from 1024 up, and let the exporters send there.',
    ],
    EADDRNOTAVAIL: [
      'no interface of this machine has that address',
      `Listen on ${host.includes(':') ? '[::]' : '0.0.0.0'} for all interfaces, or on an address that "${
        process.platform === 'linux' ? 'ip address' : 'ifconfig'
      }" lists.`,
    ],
    EAFNOSUPPORT: ['this machine has no IPv6', 'Listen on 0.0.0.0 instead.'],
    ENOTFOUND: ['no such host name', 'Write the address as a number, or 0.0.0.0 for all interfaces.'],
    ERANGE: ['a port is a number from 0 to 65535', 'Mend the port under "listen".'],
  };
  const [reason, hint] = reasons[code] ?? [message, undefined];
  return new WeirError('listen-failed', `cannot listen on ${place}/udp: ${reason}`, {
    context: { host, port, reason: code },
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}
