// Receives datagrams on UDP ports and hands each on as it comes; nothing else, because receiving is urgent and the rest is not.
// Tells what the kernel really gave as receive buffer, and how many datagrams it dropped for want of room.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { Datagram } from '../model/datagram.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { type InheritedSockets, readInheritedSockets } from './inherited-sockets.ts';
import { readKernelDrops, readSocketInodes, type SocketAddress } from './kernel-drops.ts';
import { isOpenedFor, type ListenAddress, openAddresses, toExporter } from './listen-addresses.ts';
import { askReceiveBuffer, readReceiveBuffer, toReceiveBufferAdvice } from './udp-advice.ts';

export interface UdpListenerOptions {
  readonly addresses: readonly ListenAddress[];
  /** Asked for each socket; 32 MB hold half a second of 40,000 datagrams/s. */
  readonly receiveBufferBytes: number;
  /** Called for each datagram, from the moment a port is open, even before `start` is done. */
  readonly onDatagram: (datagram: Datagram) => void;
  readonly logger: Logger;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
  /** Sockets that the process was given, from descriptor 3 on; those with an address to listen on are used. 0 when absent. */
  readonly inheritedSockets?: number;
  /** Opens an unbound socket; tests give sockets that fail. */
  readonly openSocket?: typeof createSocket;
}

export interface UdpListener {
  /** Opens all ports or none. Throws WeirError `listen-failed`. */
  start(): Promise<void>;
  /** Opens further ports, all or none, without a break for those that are open. Throws WeirError `listen-failed`. */
  add(addresses: readonly ListenAddress[]): Promise<void>;
  /** Closes some of the ports, as `stop` does; the others go on. */
  remove(addresses: readonly ListenAddress[]): Promise<void>;
  /** Takes what waits in the kernel, for 200 ms at most, and closes the ports. Safe to call twice. */
  stop(): Promise<void>;
  /** Where we listen: real ports. The last known ones after `stop`. */
  addresses(): readonly SocketAddress[];
  /** Datagrams the kernel dropped at our sockets since `start`; 0 where the system does not tell. */
  kernelDrops(): Promise<number>;
  /** Those of them by port, as last read. */
  droppedByPort(): ReadonlyMap<number, number>;
  /** Of the receive buffers of all ports, as last read with the drops. */
  receiveBuffers(): BufferLevels;
  /** Datagrams whose `onDatagram` threw: a mistake in weir, never the fault of data. */
  failedDatagrams(): number;
}

export interface BufferLevels {
  readonly waitingBytes: number;
  readonly maxBytes: number;
}

interface Port {
  readonly asked: ListenAddress;
  readonly socket: Socket;
  readonly isInherited: boolean;
}

const drainTurns = 40;
const drainTurnMs = 5;

export function createUdpListener(options: UdpListenerOptions): UdpListener {
  const { receiveBufferBytes, logger, now, onDatagram, openSocket = createSocket } = options;
  const pass = createRateLimit();
  let inherited: InheritedSockets | undefined;
  let ports: Port[] = [];
  let bound: readonly SocketAddress[] = [];
  let running: Promise<void> | undefined;
  let failed = 0;

  let inodes: ReadonlySet<number> | undefined;
  /** Once is enough. */
  let isTold = false;
  const dropsSeen = new Map<number, number>();
  let dropped = 0;
  const droppedByPort = new Map<number, number>();
  let waitingBytes = 0;
  let reading: Promise<void> | undefined;

  function start(): Promise<void> {
    running ??= open();
    return running;
  }

  async function open(): Promise<void> {
    dropped = 0;
    dropsSeen.clear();
    try {
      inherited ??= await readInheritedSockets(options.inheritedSockets ?? 0);
      await add(options.addresses);
    } catch (error) {
      running = undefined;
      throw error;
    }
  }

  async function add(addresses: readonly ListenAddress[]): Promise<void> {
    const opened: Port[] = [];
    try {
      await openAddresses({
        addresses,
        beside: ports.map(({ asked }) => asked),
        transport: 'udp',
        logger,
        open: async (asked, ipv6Only) => {
          const descriptor = inherited?.take(asked);
          const socket = await bind(asked, ipv6Only, descriptor);
          opened.push({ asked, socket, isInherited: descriptor !== undefined });
        },
      });
    } catch (error) {
      await close(opened);
      throw error;
    }
    if (opened.length === 0) return;
    ports.push(...opened);
    // Who gave a socket has set its buffer, perhaps to more than we may ask for.
    const given = opened.map(({ socket, isInherited }) =>
      isInherited ? readReceiveBuffer(socket) : askReceiveBuffer(socket, receiveBufferBytes),
    );
    const advice = toReceiveBufferAdvice(receiveBufferBytes, Math.min(...given));
    if (advice !== undefined) logger.warn({ askedBytes: receiveBufferBytes, givenBytes: Math.min(...given) }, advice);
    await noteBound();
    if (opened.some(({ isInherited }) => isInherited)) await noteEarlierDrops();
  }

  async function remove(addresses: readonly ListenAddress[]): Promise<void> {
    const left = [...ports];
    const closing = addresses.flatMap((address) => {
      const at = left.findLastIndex(({ asked }) => isOpenedFor(address, asked));
      return at === -1 ? [] : left.splice(at, 1);
    });
    if (closing.length === 0) return;
    await drain();
    ports = left;
    await close(closing);
    await noteBound();
  }

  async function noteBound(): Promise<void> {
    bound = ports.map(({ socket }) => toAddress(socket));
    inodes = await readSocketInodes(bound);
    if (inodes === undefined && !isTold) {
      isTold = true;
      logger.info('this system does not tell how many datagrams it dropped (no /proc/net/udp): kernel drops stay 0');
    }
    // The number of a closed socket may come again, and its count begins at 0.
    for (const inode of dropsSeen.keys()) if (inodes?.has(inode) !== true) dropsSeen.delete(inode);
  }

  /** A socket that was given has counted the drops of former processes, too: they are not ours. */
  async function noteEarlierDrops(): Promise<void> {
    for (const [inode, { drops }] of (await readKernelDrops(inodes ?? new Set())) ?? []) {
      if (!dropsSeen.has(inode)) dropsSeen.set(inode, drops);
    }
  }

  function bind({ host, port }: ListenAddress, ipv6Only: boolean, descriptor?: number): Promise<Socket> {
    const isV6 = isIPv6(host);
    const socket = openSocket({ type: isV6 ? 'udp6' : 'udp4', ipv6Only });
    let receivedOn: SocketAddress | undefined;
    const receive = (payload: Buffer, from: RemoteInfo): void => {
      receivedOn ??= toAddress(socket);
      const exporter = isV6 ? toExporter(from.address) : from.address;
      try {
        onDatagram({ payload, exporter, exporterPort: from.port, receivedOn, receivedAtMs: now() });
      } catch (error) {
        failed += 1;
        logOften('datagram', 'a datagram was lost by a mistake in weir; please report it', error);
      }
    };
    // Before the bind: datagrams that come in the same moment must find their reader.
    socket.on('message', receive);
    return new Promise((resolve, reject) => {
      const refuse = (error: Error): void => {
        socket.off('message', receive);
        closeSocket(socket).then(() => reject(error), reject);
      };
      socket.once('error', refuse);
      socket.bind(descriptor === undefined ? { port, address: host } : { fd: descriptor }, () => {
        socket.off('error', refuse);
        socket.on('error', (error) => logOften('socket', 'a listening socket reports an error; it goes on', error));
        resolve(socket);
      });
    });
  }

  function logOften(kind: string, message: string, error: unknown): void {
    const heldBack = pass(kind, now());
    if (heldBack === undefined) return;
    const { code, stack } = error as NodeJS.ErrnoException;
    logger.error({ code, heldBack, stack: kind === 'datagram' ? stack : undefined }, message);
  }

  async function kernelDrops(): Promise<number> {
    // One reading at a time: counts of an older reading must not follow those of a newer one.
    reading ??= readDrops().finally(() => {
      reading = undefined;
    });
    await reading;
    return dropped;
  }

  async function readDrops(): Promise<void> {
    waitingBytes = 0;
    if (inodes === undefined || ports.length === 0) return;
    const counts = await readKernelDrops(inodes);
    for (const [inode, { drops, waitingBytes: waiting, port }] of counts ?? []) {
      const more = (drops - (dropsSeen.get(inode) ?? 0)) >>> 0;
      dropped += more;
      droppedByPort.set(port, (droppedByPort.get(port) ?? 0) + more);
      dropsSeen.set(inode, drops);
      waitingBytes += waiting;
    }
  }

  /** Exporters do not stop with us: what comes while we read would never end. */
  async function drain(): Promise<void> {
    for (let turn = 0; turn < drainTurns; turn += 1) {
      await kernelDrops();
      if (waitingBytes === 0) return;
      await new Promise((resolve) => setTimeout(resolve, drainTurnMs));
    }
  }

  async function stop(): Promise<void> {
    await running?.catch(() => undefined);
    await drain();
    const closing = ports;
    ports = [];
    await close(closing);
    running = undefined;
  }

  return {
    start,
    add,
    remove,
    stop,
    addresses: () => bound,
    kernelDrops,
    droppedByPort: () => droppedByPort,
    receiveBuffers: () => ({
      waitingBytes,
      maxBytes: ports.reduce((sum, { socket }) => sum + readReceiveBuffer(socket), 0),
    }),
    failedDatagrams: () => failed,
  };
}

function toAddress(socket: Socket): SocketAddress {
  const { address, port } = socket.address();
  return { host: address, port };
}

async function close(ports: readonly Port[]): Promise<void> {
  await Promise.all(ports.map(({ socket }) => closeSocket(socket)));
}

function closeSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.removeAllListeners('error').on('error', () => undefined);
    try {
      socket.close(() => resolve());
    } catch {
      // It is closed already.
      resolve();
    }
  });
}
