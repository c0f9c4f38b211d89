// Accepted TCP connections to TLS streams (RFC 7011 §11), with the exporter's certificate checked where one is wanted.

import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';

export interface TlsHandshakes {
  /** Exactly one of these is called, or none when the peer goes away; `onMistake` with a socket that the caller closes. */
  begin(socket: Socket, outcome: HandshakeOutcome): void;
}

export interface HandshakeOutcome {
  readonly onSecure: (stream: Socket) => void;
  readonly onMistake: (detail: string) => void;
}

/** Throws WeirError `file-missing` or `file-invalid`. `timeoutMs` is the last resort: whoever began a handshake limits it. */
export async function openTlsHandshakes(files: TlsFiles, timeoutMs: number): Promise<TlsHandshakes> {
  // Never listens itself: it is given connections that have been let in.
  const server = createServer({ ...(await readTlsFiles(files)), handshakeTimeout: timeoutMs });
  /** By the four numbers that name a TCP connection; Node does not say to which socket a TLS stream belongs. */
  const underWay = new Map<string, HandshakeOutcome>();

  server.on('secureConnection', (stream) => {
    stream.on('error', () => undefined);
    const outcome = take(stream);
    const mistake = toCertificateMistake(stream, files);
    if (outcome !== undefined && mistake === undefined) {
      outcome.onSecure(stream);
      return;
    }
    stream.destroy();
    if (mistake !== undefined) outcome?.onMistake(mistake);
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, stream) => {
    stream.on('error', () => undefined);
    const outcome = take(stream);
    stream.destroy();
    // Whoever goes away in the middle of it (a port scan, a health check) is no exporter with a problem.
    if (error.code !== 'ECONNRESET') outcome?.onMistake(error.code ?? error.message);
  });

  function take(stream: Socket): HandshakeOutcome | undefined {
    const key = toKey(stream);
    const outcome = underWay.get(key);
    underWay.delete(key);
    return outcome;
  }

  function begin(socket: Socket, outcome: HandshakeOutcome): void {
    const key = toKey(socket);
    underWay.set(key, outcome);
    socket.once('close', () => {
      // The next connection may have the same numbers already.
      if (underWay.get(key) === outcome) underWay.delete(key);
    });
    server.emit('connection', socket);
  }

  return { begin };
}

function toKey({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}

function toCertificateMistake(stream: TLSSocket, files: TlsFiles): string | undefined {
  const { clientCaFile, clientCertificates = 'required' } = files;
  if (clientCaFile === undefined) return undefined;
  // A resumed session may count as authorized without any certificate: it must be there.
  const isShown = Object.keys(stream.getPeerCertificate() ?? {}).length > 0;
  if (!isShown) return clientCertificates === 'required' ? 'no client certificate' : undefined;
  return stream.authorized ? undefined : `client certificate: ${String(stream.authorizationError)}`;
}
