// What to tell the user when a port can't be opened.

import { WeirError } from '../model/errors.ts';

export type Transport = 'udp' | 'tcp';

interface Place {
  readonly host: string;
  readonly port: number;
}

export function toListenError({ host, port }: Place, transport: Transport, cause: unknown): WeirError {
  const { code = 'unknown', message } = cause as NodeJS.ErrnoException;
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const reasons: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
    EADDRINUSE: [
      'the port is in use',
      `Another program, another weir or another line of "listen" holds it: ${toSearch(port, transport)} names it (as root); stop that one, or listen on another port.`,
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
  return new WeirError('listen-failed', `cannot listen on ${place}/${transport}: ${reason}`, {
    context: { host, port, reason: code },
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The command that names who holds the port. */
function toSearch(port: number, transport: Transport): string {
  if (process.platform === 'linux') return `ss -ln${transport === 'udp' ? 'u' : 't'}p 'sport = :${port}'`;
  return transport === 'udp' ? `lsof -nP -iUDP:${port}` : `lsof -nP -iTCP:${port} -sTCP:LISTEN`;
}
