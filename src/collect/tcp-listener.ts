// Takes IPFIX over TCP and TLS (RFC 7011 §10.4) and hands on each message as a datagram of its connection. Peers may be hostile:
// connections are bounded, in all and per address, and what is slow, silent or no IPFIX is closed.

import { createServer as createNetServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import type { Datagram } from '../model/datagram.ts';
import type { Fault, FaultCode } from '../model/fault.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { type ListenAddress, openAddresses, toExporter } from './listen-addresses.ts';
import { type ConnectionLimits, createTcpConnection, type TcpConnection } from './tcp-connection.ts';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';

export interface TcpListenAddress extends ListenAddress {
  readonly tls: boolean;
}

export interface TcpLimits extends ConnectionLimits {
  /** Each costs up to 200 KB: a message that is not whole, and what the socket has read ahead. */
  readonly connections: number;
  /** One exporter has one, or a few processes; more is a mistake, or shuts others out. */
  readonly connectionsPerAddress: number;
}

export interface TcpListenerOptions {
  readonly addresses: readonly TcpListenAddress[];
  /** Read at the start; needed where an address has `tls`. */
  readonly tls?: TlsFiles;
  readonly limits: TcpLimits;
  /** Asked once per connection, before anything is read from it. Absent: everybody may. */
  readonly isAllowed?: (exporter: string) => boolean;
  /** One call per IPFIX message, with the number of its connection as `session`. */
  readonly onDatagram: (datagram: Datagram) => void;
  /** The connection is gone: no datagram has this number any more. */
  readonly onSessionEnd: (session: number) => void;
  /** A connection came from an address that `isAllowed` does not want. */
  readonly onRefused: (exporter: string) => void;
  readonly onFault: (fault: Fault) => void;
  readonly logger: Logger;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
}

export interface TcpListener {
  /** Opens all ports or none. Throws WeirError `listen-failed`, `file-missing` or `file-invalid`. */
  start(): Promise<void>;
  /** Takes no more connections, takes what is there of the others, for 200 ms at most, and closes them. Safe to call twice. */
  stop(): Promise<void>;
  /** Where we listen: real ports. The last known ones after `stop`. */
  addresses(): readonly TcpListenAddress[];
  /** Back-pressure: nothing is read until `release`, so that exporters wait. */
  hold(): void;
  release(): void;
  openConnections(): number;
  /** Messages whose `onDatagram` threw: a mistake in weir, never the fault of data. */
  failedDatagrams(): number;
}

/** Finds peers that went without a word, within some minutes. */
const keepAliveAfterMs = 60_000;
const maxSweepMs = 1000;
const drainTurns = 20;
const drainTurnMs = 10;
/** Peers that don't answer to a goodbye are not waited for. */
const goodbyeMs = 250;

export function createTcpListener(options: TcpListenerOptions): TcpListener {
  const { limits, isAllowed, onDatagram, onFault, logger, now } = options;
  const pass = createRateLimit();
  /** In order of arrival. */
  const connections = new Map<number, Connection>();
  const perAddress = new Map<string, number>();
  /** By the four numbers that name a TCP connection. */
  const handshakes = new Map<string, Connection>();
  let servers: Server[] = [];
  let tlsServer: TlsServer | undefined;
  let bound: TcpListenAddress[] = [];
  let running: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;
  let sweep: NodeJS.Timeout | undefined;
  let lastSession = 0;
  let isHeld = false;
  let isStopping = false;
  let failed = 0;
  let emptied: (() => void) | undefined;

  interface Connection extends TcpConnection {
    readonly exporter: string;
  }

  function start(): Promise<void> {
    running ??= open();
    return running;
  }

  async function open(): Promise<void> {
    isStopping = false;
    bound = [];
    try {
      if (options.tls !== undefined && options.addresses.some(({ tls }) => tls)) await openTls(options.tls);
      await openAddresses({ addresses: options.addresses, transport: 'tcp', logger, open: listen });
    } catch (error) {
      await closeServers();
      running = undefined;
      throw error;
    }
    const sweepMs = Math.min(
      maxSweepMs,
      Math.max(5, Math.min(limits.handshakeMs, limits.messageMs, limits.idleMs) / 4),
    );
    sweep = setInterval(() => {
      if (!isHeld) for (const connection of connections.values()) connection.pass(sweepMs);
    }, sweepMs);
  }

  /** Never listens itself: it is given connections that have been let in. */
  async function openTls(files: TlsFiles): Promise<void> {
    // Our own limit on handshakes comes first.
    tlsServer = createTlsServer({ ...(await readTlsFiles(files)), handshakeTimeout: 2 * limits.handshakeMs + 10_000 });
    tlsServer.on('secureConnection', (stream) => {
      stream.on('error', () => undefined);
      const connection = handshakes.get(toKey(stream));
      const mistake = files.clientCaFile === undefined ? undefined : toCertificateMistake(stream, files);
      if (connection === undefined) stream.destroy();
      else if (mistake === undefined) connection.read(stream);
      else {
        connection.close('at once');
        report('handshake-failed', connection.exporter, mistake);
      }
    });
    tlsServer.on('tlsClientError', (error: NodeJS.ErrnoException, stream) => {
      stream.on('error', () => undefined);
      const connection = handshakes.get(toKey(stream));
      connection?.close('at once');
      stream.destroy();
      // Whoever goes away in the middle of it (a port scan, a health check) is no exporter with a problem.
      if (connection === undefined || error.code === 'ECONNRESET') return;
      report('handshake-failed', connection.exporter, error.code ?? error.message);
    });
  }

  function listen({ host, port, tls }: TcpListenAddress, ipv6Only: boolean): Promise<void> {
    const server = createNetServer({ keepAlive: true, keepAliveInitialDelay: keepAliveAfterMs }, (socket) =>
      accept(socket, tls),
    );
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, ipv6Only }, () => {
        server.off('error', reject);
        server.on('error', (error) => logOften('socket', 'a listening socket reports an error; it goes on', error));
        servers.push(server);
        const { address, port: realPort } = server.address() as { address: string; port: number };
        bound.push({ host: address, port: realPort, tls });
        resolve();
      });
    });
  }

  function accept(socket: Socket, isTls: boolean): void {
    socket.on('error', () => undefined);
    const { remoteAddress, remotePort = 0 } = socket;
    // It may have gone already.
    if (remoteAddress === undefined || isStopping) {
      socket.destroy();
      return;
    }
    const exporter = toExporter(remoteAddress);
    if (!mayConnect(exporter)) {
      // A reset leaves nothing behind in the kernel.
      socket.resetAndDestroy();
      return;
    }
    lastSession += 1;
    const session = lastSession;
    const key = toKey(socket);
    const connection: Connection = Object.assign(
      createTcpConnection({
        socket,
        limits,
        onMessage: (payload) => handOn({ payload, exporter, exporterPort: remotePort, receivedAtMs: now(), session }),
        onMistake: (detail) => report('stream-malformed', exporter, detail),
        onLimit: (detail) => report('connection-limit', exporter, detail),
        onEnd() {
          connections.delete(session);
          handshakes.delete(key);
          const left = (perAddress.get(exporter) ?? 1) - 1;
          if (left > 0) perAddress.set(exporter, left);
          else perAddress.delete(exporter);
          options.onSessionEnd(session);
          if (connections.size === 0) emptied?.();
        },
      }),
      { exporter },
    );
    connections.set(session, connection);
    perAddress.set(exporter, (perAddress.get(exporter) ?? 0) + 1);
    if (isHeld) connection.hold();
    if (isTls) {
      handshakes.set(key, connection);
      tlsServer?.emit('connection', socket);
    } else connection.read(socket);
  }

  function mayConnect(exporter: string): boolean {
    if (isAllowed !== undefined && !isAllowed(exporter)) {
      options.onRefused(exporter);
      return false;
    }
    if ((perAddress.get(exporter) ?? 0) >= limits.connectionsPerAddress) {
      report('connection-limit', exporter, `more than ${limits.connectionsPerAddress} connections from this address`);
      return false;
    }
    if (connections.size < limits.connections) return true;
    // Whoever has sent nothing yet makes room, the one that came first; exporters that work are never pushed out.
    for (const [session, connection] of connections) {
      if (connection.messages > 0) continue;
      connections.delete(session);
      connection.close('at once');
      report('connection-limit', connection.exporter, 'made room for a new connection: it had not sent a message');
      return true;
    }
    report('connection-limit', exporter, `more than ${limits.connections} connections`);
    return false;
  }

  function handOn(datagram: Datagram): void {
    try {
      onDatagram(datagram);
    } catch (error) {
      failed += 1;
      logOften('datagram', 'a message was lost by a mistake in weir; please report it', error);
    }
  }

  function report(code: FaultCode, exporter: string, detail: string): void {
    onFault({ code, exporter, detail });
  }

  function logOften(kind: string, message: string, error: unknown): void {
    const heldBack = pass(kind, now());
    if (heldBack === undefined) return;
    const { code, stack } = error as NodeJS.ErrnoException;
    logger.error({ code, heldBack, stack: kind === 'datagram' ? stack : undefined }, message);
  }

  function hold(): void {
    isHeld = true;
    for (const connection of connections.values()) connection.hold();
  }

  function release(): void {
    isHeld = false;
    for (const connection of connections.values()) connection.release();
  }

  /** Until a turn brings no bytes: what the kernel has taken is acknowledged, and the exporter won't send it again. */
  async function drain(): Promise<void> {
    let before = -1;
    for (let turn = 0; turn < drainTurns && connections.size > 0; turn += 1) {
      let bytes = 0;
      for (const connection of connections.values()) bytes += connection.bytesRead;
      if (bytes === before) return;
      before = bytes;
      await sleep(drainTurnMs);
    }
  }

  function stop(): Promise<void> {
    stopping ??= stopOnce().finally(() => {
      stopping = undefined;
    });
    return stopping;
  }

  async function stopOnce(): Promise<void> {
    await running?.catch(() => undefined);
    isStopping = true;
    clearInterval(sweep);
    const closed = closeServers();
    release();
    await drain();
    const isEmpty = new Promise<void>((resolve) => {
      emptied = resolve;
      if (connections.size === 0) resolve();
    });
    for (const connection of connections.values()) connection.close('orderly');
    await Promise.race([isEmpty, sleep(goodbyeMs)]);
    for (const connection of connections.values()) connection.close('at once');
    await Promise.all([isEmpty, closed]);
    running = undefined;
  }

  async function closeServers(): Promise<void> {
    const closing = servers;
    servers = [];
    await Promise.all(closing.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  return {
    start,
    stop,
    addresses: () => bound,
    hold,
    release,
    openConnections: () => connections.size,
    failedDatagrams: () => failed,
  };
}

function toKey({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${localPort} ${remoteAddress} ${remotePort}`;
}

/** A session that is resumed may count as authorized without any certificate: it must be there. */
function toCertificateMistake(stream: TLSSocket, { clientCertificates = 'required' }: TlsFiles): string | undefined {
  const isShown = Object.keys(stream.getPeerCertificate() ?? {}).length > 0;
  if (!isShown) return clientCertificates === 'required' ? 'no client certificate' : undefined;
  return stream.authorized ? undefined : `client certificate: ${String(stream.authorizationError)}`;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
