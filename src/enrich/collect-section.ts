// The keys `listen` and `collect` of the pipeline file: where exporters send to, who may, and what a connection may cost.

import { isIP, isIPv6 } from 'node:net';
import { resolve } from 'node:path';
import { z } from 'zod';
import { duration, filePath, oneOrMore, size, subnets, textPattern, whole } from './setting-types.ts';
import { maxWorkers } from './worker-limit.ts';

export interface ListenAddress {
  /** TCP and TLS carry IPFIX only. */
  readonly protocol: 'udp' | 'tcp' | 'tls';
  /** IP address without brackets. "::" takes IPv4, too. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** NetFlow, IPFIX, sFlow, and NetFlow's second home; any of them takes any protocol. */
const defaultListen = ['udp://[::]:2055', 'udp://[::]:4739', 'udp://[::]:6343', 'udp://[::]:9995'] as const;

export interface TeeTarget {
  /** Address without brackets, or a name. */
  readonly host: string;
  readonly port: number;
  /** Subnets; absent: of every exporter. */
  readonly exporters?: readonly string[];
}

export interface CollectSettings {
  readonly receiveBufferBytes: number;
  /** Processes that decode; 1: the one that receives. */
  readonly workers: number | 'auto';
  /** Subnets; absent: every exporter is heard. */
  readonly allowedExporters?: readonly string[];
  /** Other collectors that get a copy of what comes by UDP. Absent: none. */
  readonly tee?: readonly TeeTarget[];
  readonly tcp: {
    readonly connections: number;
    readonly connectionsPerAddress: number;
    readonly handshakeMs: number;
    readonly messageMs: number;
    readonly idleMs: number;
  };
  /** Absolute paths of PEM files. Present where an address to listen on has TLS. */
  readonly tls?: {
    readonly certificateFile: string;
    readonly keyFile: string;
    readonly clientCaFile?: string;
    readonly clientCertificates: 'required' | 'optional';
  };
}

const listenAddress = z
  .string({ error: 'expected an address such as "udp://0.0.0.0:2055"' })
  .meta(textPattern('^([uU][dD][pP]|[tT][cC][pP]|[tT][lL][sS])://.*:[0-9]{1,5}/?$'))
  .transform((text, context) => {
    const address = toListenAddress(text);
    if (typeof address !== 'string') return address;
    context.issues.push({ code: 'custom', message: address, input: text });
    return z.NEVER;
  });

/** The address, or what is wrong with it. */
function toListenAddress(text: string): ListenAddress | string {
  const match = /^([a-z][a-z0-9+.-]*):\/\/(\[[^[\]]*\]|[^:/[\]]*)(?::(\d*))?\/?$/i.exec(text);
  if (match === null) return 'expected an address such as "udp://0.0.0.0:2055" or "udp://[::]:2055"';
  const protocol = (['udp', 'tcp', 'tls'] as const).find((known) => known === match[1]!.toLowerCase());
  if (protocol === undefined) return 'expected "udp://…", or "tcp://…" or "tls://…" for IPFIX';
  const host = match[2]!.startsWith('[') ? match[2]!.slice(1, -1) : match[2]!;
  const bracketed = match[2]!.startsWith('[');
  if (isIP(host) === 0 || isIPv6(host) !== bracketed) {
    return 'expected an IP address before the port ("0.0.0.0" or "[::]" for all)';
  }
  const port = match[3] === undefined || match[3] === '' ? undefined : Number(match[3]);
  if (port === undefined) return 'the port is missing: expected an address such as "udp://0.0.0.0:2055"';
  if (port > 65_535) return 'expected a port from 0 to 65535 (0: any free one)';
  return { protocol, host, port };
}

const expectedTarget = 'expected a collector such as "udp://10.0.0.9:2055"';

const teeAddress = z.string({ error: expectedTarget }).transform((text, context) => {
  const match = /^udp:\/\/(\[[0-9a-f:.]+\]|[a-z0-9][a-z0-9.-]*):(\d{1,5})\/?$/i.exec(text);
  const host = match?.[1]?.replace(/^\[|\]$/g, '') ?? '';
  const port = Number(match?.[2]);
  if (match !== null && port >= 1 && port <= 65_535 && (isIPv6(host) || !match[1]!.startsWith('[')))
    return { host, port };
  context.issues.push({ code: 'custom', message: expectedTarget, input: text });
  return z.NEVER;
});

const teeTarget = z.union(
  [
    teeAddress,
    z.strictObject({
      to: teeAddress.describe('The collector, such as "udp://10.0.0.9:2055".'),
      exporters: subnets().optional().describe('Only what these exporters send. Without the key: all.'),
    }),
  ],
  { error: `${expectedTarget}, or a mapping with to and exporters` },
);

export const listen = oneOrMore(listenAddress, 'an address such as "udp://0.0.0.0:2055"')
  .prefault([...defaultListen])
  .describe(
    'Where exporters send to. udp://: any protocol on any port; tcp:// and tls://: IPFIX. [::] takes IPv4 too; port 0 is any free port.',
  );

const second = 1000;
const hour = 3_600_000;

export const collect = z
  .strictObject({
    receive_buffer: size(64 * 1024, 2 ** 30)
      .prefault('32MiB')
      .describe('Receive buffer asked of the kernel for each address, 64KiB to 1GiB.'),
    workers: z
      .union([z.literal('auto'), whole(1, maxWorkers)], {
        error: `expected a whole number from 1 to ${maxWorkers}, or "auto"`,
      })
      .prefault(1)
      .describe('Processes that decode, beside the one that receives. 1: the same process. More need queue.redis.'),
    exporters: z
      .strictObject({
        allow: subnets().optional().describe('Only these subnets are heard. Without the key: all.'),
      })
      .prefault({})
      .describe('Which exporters are heard.'),
    tee: oneOrMore(teeTarget, 'a collector such as "udp://10.0.0.9:2055"')
      .prefault([])
      .describe('Other collectors that get a copy of each datagram that comes by UDP.'),
    tcp: z
      .strictObject({
        connections: whole(1, 10_000).prefault(256).describe('Connections of all exporters together.'),
        connections_per_address: whole(1, 10_000).prefault(16).describe('Connections of one address.'),
        handshake: duration(second, 5 * 60 * second)
          .prefault('10s')
          .describe('So long a TLS handshake may take.'),
        message: duration(second, hour)
          .prefault('30s')
          .describe('So long a message may take from its first byte to its last.'),
        idle: duration(second, 7 * 24 * hour)
          .prefault('1h')
          .describe('A connection without a message for so long is closed.'),
      })
      .prefault({})
      .describe('What connections of exporters by TCP and TLS may cost.'),
    tls: z
      .strictObject(
        {
          certificate: filePath('the path of a PEM file').describe(
            'PEM file of weir’s certificate, and of those between it and the authority’s.',
          ),
          key: filePath('the path of a PEM file').describe('PEM file of its private key, without a passphrase.'),
          client_ca: filePath('the path of a PEM file')
            .optional()
            .describe('PEM file of the authorities that sign exporters’ certificates; without it exporters need none.'),
          client_certificates: z
            .enum(['required', 'optional'])
            .optional()
            .describe('May an exporter come without a certificate? A wrong one is refused in either case.'),
        },
        { error: 'expected a mapping with certificate and key' },
      )
      .optional()
      .describe('Needed for tls://.'),
  })
  .prefault({})
  .describe('How datagrams and messages are taken.');

type CollectConfig = z.output<typeof collect>;

/** `folder`: where relative paths start. */
export function toCollectSettings(config: CollectConfig, folder: string): CollectSettings {
  const { exporters, tcp, tee, tls } = config;
  return {
    receiveBufferBytes: config.receive_buffer,
    workers: config.workers,
    ...(exporters.allow !== undefined && { allowedExporters: exporters.allow }),
    ...(tee.length > 0 && { tee: tee.map(toTeeTarget) }),
    tcp: {
      connections: tcp.connections,
      connectionsPerAddress: tcp.connections_per_address,
      handshakeMs: tcp.handshake,
      messageMs: tcp.message,
      idleMs: tcp.idle,
    },
    ...(tls !== undefined && {
      tls: {
        certificateFile: resolve(folder, tls.certificate),
        keyFile: resolve(folder, tls.key),
        ...(tls.client_ca !== undefined && { clientCaFile: resolve(folder, tls.client_ca) }),
        clientCertificates: tls.client_certificates ?? 'required',
      },
    }),
  };
}

function toTeeTarget(target: CollectConfig['tee'][number]): TeeTarget {
  if ('host' in target) return target;
  return { ...target.to, ...(target.exporters !== undefined && { exporters: target.exporters }) };
}

interface Contradiction {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Settings that are right alone and wrong together. */
export function collectContradictions({
  listen,
  collect,
  queue,
}: {
  listen: readonly ListenAddress[];
  collect: CollectConfig;
  queue: { readonly redis: readonly string[] };
}): Contradiction[] {
  const found: Contradiction[] = [];
  const add = (path: readonly PropertyKey[], message: string) => found.push({ path, message });
  if (listen.length === 0) add(['listen'], 'listen: no address is left to listen on');
  const seen = new Set<string>();
  for (const [index, { protocol, host, port }] of listen.entries()) {
    const address = `${host} port ${port}`;
    // TLS is on a TCP port.
    const place = `${protocol === 'udp' ? 'udp' : 'tcp'} ${address}`;
    if (port !== 0 && seen.has(place)) add(['listen', index], `listen: ${address} is in the list twice`);
    seen.add(place);
    if (protocol === 'tls' && collect.tls === undefined) {
      add(['listen', index], 'listen: tls:// needs collect.tls with certificate and key');
    }
  }
  if (typeof collect.workers === 'number' && collect.workers > 1 && queue.redis.length === 0) {
    add(['collect', 'workers'], 'collect.workers: several need a Redis where their batches meet: queue.redis');
  }
  for (const [index, target] of collect.tee.entries()) {
    const { host, port } = toTeeTarget(target);
    const isOwn = listen.some(
      (own) => own.protocol === 'udp' && own.port === port && (own.host === host || isLoopback(host)),
    );
    if (isOwn) add(['collect', 'tee', index], `collect.tee: ${host} port ${port} is where weir itself listens`);
  }
  const { exporters, tls } = collect;
  if (exporters.allow?.length === 0) {
    add(
      ['collect', 'exporters', 'allow'],
      'collect.exporters.allow: no subnet is left: nobody would be heard (without the key everybody is)',
    );
  }
  if (tls?.client_certificates !== undefined && tls.client_ca === undefined) {
    add(
      ['collect', 'tls', 'client_certificates'],
      'collect.tls.client_certificates: needs client_ca, the authorities that sign them',
    );
  }
  return found;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
