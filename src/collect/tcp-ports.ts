// The open ports of the TCP listener: several are opened, all or none, and each knows the connections that came through it.

import { createServer, type Server, type Socket } from 'node:net';
import type { Logger } from '../telemetry/logger.ts';
import { isOpenedFor, type ListenAddress, openAddresses } from './listen-addresses.ts';
import type { TcpConnection } from './tcp-connection.ts';

export interface TcpListenAddress extends ListenAddress {
  readonly tls: boolean;
}

export interface TcpPort {
  readonly asked: TcpListenAddress;
  /** The real port, where 0 was asked for. */
  readonly bound: TcpListenAddress;
  readonly server: Server;
  readonly connections: Set<TcpConnection>;
}

export interface TcpPortsOptions {
  /** A connection came through a port that has these others. */
  readonly onSocket: (socket: Socket, isTls: boolean, connections: Set<TcpConnection>) => void;
  /** A port that is open reports an error, and goes on. */
  readonly onError: (error: Error) => void;
  readonly logger: Logger;
}

export interface TcpPorts {
  /** All or none. Throws WeirError `listen-failed`. */
  open(addresses: readonly TcpListenAddress[]): Promise<void>;
  /** Those that were opened for these addresses, or all, are ours no more: the caller closes them. */
  take(addresses: readonly TcpListenAddress[] | 'all'): readonly TcpPort[];
  addresses(): readonly TcpListenAddress[];
}

/** Finds peers that went without a word, within some minutes. */
const keepAliveAfterMs = 60_000;

export function createTcpPorts({ onSocket, onError, logger }: TcpPortsOptions): TcpPorts {
  let ports: readonly TcpPort[] = [];

  function openOne(asked: TcpListenAddress, ipv6Only: boolean): Promise<TcpPort> {
    const { host, port, tls } = asked;
    const connections = new Set<TcpConnection>();
    const server = createServer({ keepAlive: true, keepAliveInitialDelay: keepAliveAfterMs }, (socket) =>
      onSocket(socket, tls, connections),
    );
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, ipv6Only }, () => {
        server.off('error', reject);
        server.on('error', onError);
        const { address, port: realPort } = server.address() as { address: string; port: number };
        resolve({ asked, bound: { host: address, port: realPort, tls }, server, connections });
      });
    });
  }

  async function open(addresses: readonly TcpListenAddress[]): Promise<void> {
    const opened: TcpPort[] = [];
    try {
      await openAddresses({
        addresses,
        beside: ports.map(({ asked }) => asked),
        transport: 'tcp',
        logger,
        open: async (asked: TcpListenAddress, ipv6Only: boolean) => {
          opened.push(await openOne(asked, ipv6Only));
        },
      });
    } catch (error) {
      await closePorts(opened);
      throw error;
    }
    ports = [...ports, ...opened];
  }

  function take(addresses: readonly TcpListenAddress[] | 'all'): readonly TcpPort[] {
    const left = addresses === 'all' ? [] : [...ports];
    const taken =
      addresses === 'all'
        ? ports
        : addresses.flatMap((address) => {
            const at = left.findLastIndex(({ asked }) => asked.tls === address.tls && isOpenedFor(address, asked));
            return at === -1 ? [] : left.splice(at, 1);
          });
    ports = left;
    return taken;
  }

  return { open, take, addresses: () => ports.map(({ bound }) => bound) };
}

/** Takes no more connections, and ends when the last one is gone. */
export async function closePorts(ports: readonly TcpPort[]): Promise<void> {
  await Promise.all(ports.map(({ server }) => new Promise((resolve) => server.close(resolve))));
}
