// The ports that exporters send to, whatever their transport: opened all or none, and closed, while the others go on.

import type { TcpListener, TcpListenerOptions } from '../collect/tcp-listener.ts';
import { type BufferLevels, createUdpListener } from '../collect/udp-listener.ts';
import type { CollectSettings, ListenAddress } from '../enrich/pipeline-file.ts';

type Shared = Pick<TcpListenerOptions, 'onDatagram' | 'onSessionEnd' | 'onFault' | 'logger' | 'now'>;

export interface PortsOptions extends Shared {
  readonly collect: CollectSettings;
  /** UDP sockets that the process was given (collect/inherited-sockets.ts). */
  readonly inheritedSockets?: number;
  readonly isAllowed: (exporter: string) => boolean;
  /** What came from an address that `isAllowed` does not want. */
  readonly onRefused: (exporter: string, what: 'datagram' | 'connection') => void;
}

export interface Ports {
  /** Throws WeirError when one can't be opened; then none is. */
  open(addresses: readonly ListenAddress[]): Promise<void>;
  /** Takes what is there, then closes. */
  close(addresses: readonly ListenAddress[]): Promise<void>;
  /** With the ports that were really opened. */
  addresses(): readonly ListenAddress[];
  kernelDrops(): Promise<number>;
  /** By UDP port, as `kernelDrops` last read them. */
  droppedByPort(): ReadonlyMap<number, number>;
  /** Of all UDP ports, as `kernelDrops` last read them. */
  receiveBuffers(): BufferLevels;
  /** Back-pressure: exporters by TCP wait until `release`. */
  hold(): void;
  release(): void;
  hasTcp(): boolean;
  stop(): Promise<void>;
}

export function createPorts({ collect, inheritedSockets = 0, isAllowed, onRefused, ...shared }: PortsOptions): Ports {
  const { onDatagram, logger, now } = shared;
  const udp = createUdpListener({
    addresses: [],
    receiveBufferBytes: collect.receiveBufferBytes,
    inheritedSockets,
    onDatagram(datagram) {
      if (isAllowed(datagram.exporter)) onDatagram(datagram);
      else onRefused(datagram.exporter, 'datagram');
    },
    logger,
    now,
  });
  let tcp: TcpListener | undefined;

  async function open(addresses: readonly ListenAddress[]): Promise<void> {
    await udp.start();
    const overUdp = addresses.filter(isUdp);
    await udp.add(overUdp);
    try {
      await openTcp(addresses.filter((address) => !isUdp(address)));
    } catch (error) {
      await udp.remove(overUdp);
      throw error;
    }
  }

  /** Loaded only where it is wanted: start-up counts. */
  async function openTcp(addresses: readonly ListenAddress[]): Promise<void> {
    if (addresses.length === 0) return;
    if (tcp !== undefined) {
      await tcp.add(addresses.map(toTcpAddress));
      return;
    }
    const { createTcpListener } = await import('../collect/tcp-listener.ts');
    const listener = createTcpListener({
      addresses: addresses.map(toTcpAddress),
      ...(collect.tls !== undefined && { tls: collect.tls }),
      limits: collect.tcp,
      isAllowed,
      onRefused: (exporter) => onRefused(exporter, 'connection'),
      ...shared,
    });
    await listener.start();
    tcp = listener;
  }

  async function close(addresses: readonly ListenAddress[]): Promise<void> {
    const overTcp = addresses.filter((address) => !isUdp(address)).map(toTcpAddress);
    await Promise.all([udp.remove(addresses.filter(isUdp)), overTcp.length > 0 && tcp?.remove(overTcp)]);
  }

  return {
    open,
    close,
    addresses() {
      const overTcp = tcp?.addresses() ?? [];
      return [
        ...udp.addresses().map(({ host, port }) => ({ protocol: 'udp' as const, host, port })),
        ...overTcp.map(({ tls, host, port }) => ({ protocol: tls ? ('tls' as const) : ('tcp' as const), host, port })),
      ];
    },
    kernelDrops: udp.kernelDrops,
    droppedByPort: udp.droppedByPort,
    receiveBuffers: udp.receiveBuffers,
    hold: () => tcp?.hold(),
    release: () => tcp?.release(),
    hasTcp: () => tcp !== undefined,
    async stop() {
      await Promise.all([udp.stop(), tcp?.stop()]);
    },
  };
}

function isUdp({ protocol }: ListenAddress): boolean {
  return protocol === 'udp';
}

function toTcpAddress({ protocol, host, port }: ListenAddress) {
  return { host, port, tls: protocol === 'tls' };
}

/** `udp://[::]:2055` */
export function toAddressText({ protocol, host, port }: ListenAddress): string {
  return `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
