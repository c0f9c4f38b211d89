// Takes IPFIX over TCP and TLS (RFC 7011 §10.4) and hands on each message as a datagram of its connection. Peers may be hostile:
// connections are bounded, in all and per address, and what is slow, silent or no IPFIX is closed.

import type { Socket } from 'node:net';
import type { Datagram } from '../model/datagram.ts';
import type { Fault, FaultCode } from '../model/fault.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { createConnectionTable } from './connection-table.ts';
import { toExporter } from './listen-addresses.ts';
import { type ConnectionLimits, createTcpConnection, type TcpConnection } from './tcp-connection.ts';
import { closePorts, createTcpPorts, type TcpListenAddress } from './tcp-ports.ts';
import type { TlsFiles } from './tls-files.ts';
import { openTlsHandshakes, type TlsHandshakes } from './tls-handshakes.ts';

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
  /** Opens further ports, all or none, without a break for those that are open. Throws WeirError `listen-failed`. */
  add(addresses: readonly TcpListenAddress[]): Promise<void>;
  /** Closes some of the ports and the connections that came through them, as `stop` does; the others go on. */
  remove(addresses: readonly TcpListenAddress[]): Promise<void>;
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

const maxSweepMs = 1000;
const drainMs = 200;
const drainTurnMs = 10;
/** Peers that don't answer to a goodbye are not waited for. */
const goodbyeMs = 250;

export function createTcpListener(options: TcpListenerOptions): TcpListener {
  const { limits, isAllowed, onDatagram, onFault, logger, now } = options;
  const pass = createRateLimit();
  const connections = createConnectionTable({
    maxConnections: limits.connections,
    maxPerAddress: limits.connectionsPerAddress,
    onEvict: (exporter, detail) => report('connection-limit', exporter, detail),
  });
  const ports = createTcpPorts({
    onSocket: accept,
    onError: (error) => logOften('socket', 'a listening socket reports an error; it goes on', error),
    logger,
  });
  let handshakes: TlsHandshakes | undefined;
  let bound: readonly TcpListenAddress[] = [];
  let running: Promise<void> | undefined;
  let stopping: Promise<void> | undefined;
  let sweep: NodeJS.Timeout | undefined;
  let lastSession = 0;
  let isHeld = false;
  let isStopping = false;
  let failed = 0;

  function start(): Promise<void> {
    running ??= open();
    return running;
  }

  async function open(): Promise<void> {
    isStopping = false;
    bound = [];
    try {
      await add(options.addresses);
    } catch (error) {
      running = undefined;
      throw error;
    }
    const sweepMs = Math.min(
      maxSweepMs,
      Math.max(5, Math.min(limits.handshakeMs, limits.messageMs, limits.idleMs) / 4),
    );
    sweep = setInterval(() => {
      if (!isHeld) for (const connection of connections.all()) connection.pass(sweepMs);
    }, sweepMs);
  }

  async function add(addresses: readonly TcpListenAddress[]): Promise<void> {
    if (options.tls !== undefined && addresses.some(({ tls }) => tls))
      handshakes ??= await openTlsHandshakes(options.tls, 2 * limits.handshakeMs + 10_000);
    await ports.open(addresses);
    bound = ports.addresses();
  }

  async function remove(addresses: readonly TcpListenAddress[]): Promise<void> {
    const closing = ports.take(addresses);
    bound = ports.addresses();
    const closed = closePorts(closing);
    await drain();
    for (const { connections: own } of closing) for (const connection of own) connection.close('orderly');
    await Promise.race([closed, sleep(goodbyeMs)]);
    for (const { connections: own } of closing) for (const connection of own) connection.close('at once');
    await closed;
  }

  function accept(socket: Socket, isTls: boolean, own: Set<TcpConnection>): void {
    socket.on('error', () => undefined);
    const { remoteAddress, remotePort = 0, localAddress = '::', localPort = 0 } = socket;
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
    const receivedOn = { host: toExporter(localAddress), port: localPort };
    const connection = createTcpConnection({
      socket,
      limits,
      onMessage: (payload) =>
        handOn({ payload, exporter, exporterPort: remotePort, receivedOn, receivedAtMs: now(), session }),
      onMistake: (detail) => report('stream-malformed', exporter, detail),
      onLimit: (detail) => report('connection-limit', exporter, detail),
      onEnd() {
        own.delete(connection);
        connections.remove(session);
        options.onSessionEnd(session);
      },
    });
    own.add(connection);
    connections.add(session, exporter, connection);
    if (isHeld) connection.hold();
    if (!isTls) connection.read(socket);
    else
      handshakes?.begin(socket, {
        onSecure: connection.read,
        onMistake(detail) {
          connection.close('at once');
          report('handshake-failed', exporter, detail);
        },
      });
  }

  function mayConnect(exporter: string): boolean {
    if (isAllowed !== undefined && !isAllowed(exporter)) {
      options.onRefused(exporter);
      return false;
    }
    const refusal = connections.refusal(exporter);
    if (refusal !== undefined) report('connection-limit', exporter, refusal);
    return refusal === undefined;
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
    if (isHeld) return;
    isHeld = true;
    for (const connection of connections.all()) connection.hold();
  }

  function release(): void {
    if (!isHeld) return;
    isHeld = false;
    for (const connection of connections.all()) connection.release();
  }

  /** Until a turn brings no bytes: what the kernel has taken is acknowledged, and the exporter won't send it again. */
  async function drain(): Promise<void> {
    let before = -1;
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
    }, drainMs);
    while (!isOver && connections.size > 0) {
      let bytes = 0;
      for (const connection of connections.all()) bytes += connection.bytesRead;
      if (bytes === before) break;
      before = bytes;
      await sleep(drainTurnMs);
    }
    clearTimeout(timer);
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
    const closed = closePorts(ports.take('all'));
    release();
    await drain();
    for (const connection of connections.all()) connection.close('orderly');
    await Promise.race([connections.whenEmpty(), sleep(goodbyeMs)]);
    for (const connection of connections.all()) connection.close('at once');
    await Promise.all([connections.whenEmpty(), closed]);
    running = undefined;
  }

  return {
    start,
    add,
    remove,
    stop,
    addresses: () => bound,
    hold,
    release,
    openConnections: () => connections.size,
    failedDatagrams: () => failed,
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
