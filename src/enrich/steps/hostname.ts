// Step `hostname`: names of addresses and exporters, from the user's lists, then by reverse DNS. ElastiFlow waited for each
// name server's answer, flow by flow; here nobody waits (reverse-names.ts).

import { Resolver } from 'node:dns/promises';
import { z } from 'zod';
import type { RecordBatch } from '../../model/record-batch.ts';
import type { AddressFacts } from '../address-facts.ts';
import { toIPv4Text } from '../address-text.ts';
import type { FlowDocument } from '../flow-document.ts';
import { createHostTable, readHostNames, toHostKey } from '../host-names.ts';
import { createPrefixTable } from '../prefix-table.ts';
import { createRecentMap } from '../recent-map.ts';
import { createReverseNames, type Named } from '../reverse-names.ts';
import { duration, noTwins, subnets, textPattern, whole } from '../setting-types.ts';
import type { StepDefinition } from '../step.ts';
import { filePaths, openTable, storedName } from '../table-files.ts';

const hostKey = z
  .string()
  .refine((text) => toHostKey(text) !== undefined, { error: 'expected an IP address such as "192.0.2.1"' });

/** An address, with a port where it is not 53: `192.0.2.53`, `192.0.2.53:5353`, `[2001:db8::53]:5353`. */
const server = z
  .string({ error: 'expected the address of a name server' })
  .refine(
    (text) => {
      const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([\d.]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
      return toHostKey(bracketed ?? plain ?? text) !== undefined && (port === undefined || Number(port) <= 65_535);
    },
    { error: 'expected the address of a name server such as "192.0.2.53" or "[2001:db8::53]:5353"' },
  )
  .meta(textPattern('^[0-9A-Fa-f:.[\\]]+$'));

const options = z.strictObject({
  of: z
    .enum(['exporters', 'endpoints', 'both'], { error: 'expected exporters, endpoints or both' })
    .default('both')
    .describe('Whose names: of exporters, of the end points of flows, or of both.'),
  names: z
    .record(hostKey, storedName, { error: 'expected a mapping from address to name' })
    .superRefine(noTwins(toHostKey, 'address'))
    .default({})
    .describe('A map from address to name; such names go before all others.'),
  file: filePaths('a file with names of hosts')
    .default([])
    .describe('Files of the same: in the format of /etc/hosts, or YAML. They are read again when they change.'),
  dns: z.boolean({ error: 'expected true or false' }).default(true).describe('Ask name servers for the other names.'),
  nameserver: z
    .union([server, z.array(server).min(1).max(8, { error: 'expected at most 8 name servers' })], {
      error: 'expected the address of a name server, or a list of them',
    })
    .optional()
    .describe('Name servers to ask, by their addresses; without them, those of the system.'),
  networks: subnets().optional().describe('Subnets whose addresses are asked for; without them, all.'),
  wait: duration(0, 1000)
    .prefault('0ms')
    .describe(
      'So long a batch waits for the names of its addresses; without it, answers serve the flows that come later.',
    ),
  found_entries: whole(1, 1_000_000).default(25_000).describe('Names that are remembered.'),
  found_age: duration(10_000, 30 * 86_400_000)
    .prefault('15m')
    .describe('So long a name counts before it is asked for again.'),
  failed_entries: whole(1, 1_000_000).default(75_000).describe('Addresses without a name that are remembered.'),
  failed_age: duration(10_000, 30 * 86_400_000)
    .prefault('1h')
    .describe('So long an address without a name is not asked for again.'),
});

export type HostnameOptions = z.infer<typeof options>;

/** As many as the ledger counts; spoofed ones push others out, no more. */
const maxExporters = 10_000;

/** c-ares waits this long for the first answer, and twice as long for the second. */
const resolverOptions = { timeout: 2000, tries: 2 };

export const hostnameStep: StepDefinition<HostnameOptions> = {
  name: 'hostname',
  summary: 'Names addresses and exporters, from your lists and by reverse DNS; flows never wait for a name server.',
  options,
  reads: ['flow.src_addr', 'flow.dst_addr', 'node.ipaddr'],
  writes: ['src', 'dst', 'client', 'server'].map((side) => `flow.${side}_hostname`).concat('node.hostname'),
  cost: { microseconds: 0.4, remark: 'For names that are known; a look-up goes over the network, beside the flows.' },
  examples: [
    {
      title: 'names of an end point and of the exporter; other addresses stand for themselves',
      options: { dns: false, names: { '10.0.0.115': 'laptop', '192.0.2.1': 'core-router' } },
      record: { sourceIPv4Address: '10.0.0.115', destinationIPv4Address: '8.8.8.8' },
      expect: {
        'flow.src_hostname': 'laptop',
        'flow.dst_hostname': '8.8.8.8',
        'node.hostname': 'core-router',
        'node.ipaddr': '192.0.2.1',
      },
    },
    {
      title: 'of end points only',
      options: { of: 'endpoints', dns: false, names: { '2001:db8:0::1': 'printer', '192.0.2.1': 'core-router' } },
      record: { sourceIPv6Address: '2001:db8::1', destinationIPv6Address: '2001:db8::2' },
      expect: { 'flow.src_hostname': 'printer', 'node.hostname': '192.0.2.1' },
    },
  ],
  async create(given, { folder, logger, isOffline, count }) {
    const inline = Object.entries(given.names).map(([address, name]) => ({ address: toHostKey(address) ?? '', name }));
    const table = await openTable({
      step: 'hostname',
      option: 'file',
      paths: given.file,
      folder,
      logger,
      read: readHostNames,
      build: (entries) => createHostTable([...entries, ...inline]),
    });
    const resolver = given.dns && isOffline !== true ? createResolver(given.nameserver) : undefined;
    const limits = {
      foundEntries: given.found_entries,
      foundS: given.found_age / 1000,
      failedEntries: given.failed_entries,
      failedS: given.failed_age / 1000,
    };
    const names =
      resolver &&
      createReverseNames({
        ask: (pointerName) => resolver.resolvePtr(pointerName),
        limits,
        logger,
        ...(count && { count }),
      });
    const isAsked = createFilter(given.networks);
    const ofEndpoints = given.of !== 'exporters';
    const ofExporters = given.of !== 'endpoints';

    function ownName(address: string): string | undefined {
      return table.current.size === 0 ? undefined : table.current.get(toHostKey(address) ?? '');
    }

    async function prepare(batch: RecordBatch): Promise<void> {
      if (names === undefined) return;
      names.nowS = Math.floor(batch.createdAtMs / 1000);
      if (given.wait === 0 || !ofEndpoints) return;
      const before = names.waiting;
      for (const address of addressesOf(batch)) {
        if (names.get(address) === undefined && ownName(address) === undefined && isAsked(address)) names.ask(address);
      }
      if (names.waiting > before) await names.settled(given.wait);
    }

    function describe(facts: AddressFacts): void {
      const own = ownName(facts.text);
      if (own !== undefined) facts.hostname = own;
      else if (names !== undefined && isAsked(facts.text)) names.name(facts);
    }

    const exporters = createRecentMap<string, Named>(maxExporters);
    let lastExporter: Named | undefined;
    let lastVersion = 0;

    function exporterName(exporter: string): string | undefined {
      if (table.version !== lastVersion) {
        lastVersion = table.version;
        lastExporter = undefined;
        exporters.clear();
      }
      if (lastExporter?.text !== exporter)
        lastExporter = exporters.get(exporter) ?? exporters.add(exporter, named(exporter));
      const { hostnameDueS } = lastExporter;
      if (hostnameDueS !== undefined && names !== undefined && hostnameDueS <= names.nowS) names.name(lastExporter);
      return lastExporter.hostname === exporter ? undefined : lastExporter.hostname;
    }

    function named(exporter: string): Named {
      const own = ownName(exporter);
      // Due at once, or never.
      const hostnameDueS = own === undefined && isAsked(exporter) ? 0 : undefined;
      return { text: exporter, hostname: own ?? exporter, hostnameDueS };
    }

    function apply(flow: FlowDocument): undefined {
      if (ofExporters) flow.exporterHostname = exporterName(flow.exporter);
      if (names === undefined || !ofEndpoints) return;
      const { src, dst } = flow;
      if (src?.hostnameDueS !== undefined && src.hostnameDueS <= names.nowS) names.name(src);
      if (dst?.hostnameDueS !== undefined && dst.hostnameDueS <= names.nowS) names.name(dst);
    }

    return {
      prepare,
      ...(ofEndpoints && { describe, factsVersion: () => table.version }),
      apply,
      watched: [table],
      close: async () => {
        table.stop();
        names?.stop();
        resolver?.cancel();
      },
    };
  },
};

function createResolver(nameserver: HostnameOptions['nameserver']): Resolver {
  const resolver = new Resolver(resolverOptions);
  if (nameserver !== undefined) resolver.setServers(typeof nameserver === 'string' ? [nameserver] : nameserver);
  return resolver;
}

function createFilter(networks: HostnameOptions['networks']): (address: string) => boolean {
  if (networks === undefined) return () => true;
  const table = createPrefixTable(networks.map((network) => [network, true] as const));
  return (address) => table.lookup(address) === true;
}

const addressColumns = [
  'sourceIPv4Address',
  'destinationIPv4Address',
  'sourceIPv6Address',
  'destinationIPv6Address',
] as const;

/** The end points of a batch's flows, each once. Those in columns of their own (Cisco AVC) have their names a batch later. */
function addressesOf({ layouts, sets }: RecordBatch): ReadonlySet<string> {
  const columnsOf = layouts.map(({ columns }) =>
    columns.flatMap(({ name }, index) => ((addressColumns as readonly string[]).includes(name) ? [index] : [])),
  );
  const numbers = new Set<number>();
  const texts = new Set<string>();
  for (const { layout, rows } of sets) {
    for (const row of rows) {
      for (const column of columnsOf[layout] ?? []) {
        const value = row[column];
        if (typeof value === 'number') numbers.add(value);
        else if (typeof value === 'string') texts.add(value);
      }
    }
  }
  for (const number of numbers) texts.add(toIPv4Text(number));
  return texts;
}

export interface NameServerAnswer {
  readonly server: string;
  /** Undefined: it answers. */
  readonly failure: string | undefined;
}

/** Asks each name server that the step would ask; any answer is one, also that there is no such name. None: the step asks nobody. */
export async function askNameServers({ dns, nameserver }: HostnameOptions): Promise<readonly NameServerAnswer[]> {
  if (!dns) return [];
  return Promise.all(
    createResolver(nameserver)
      .getServers()
      .map(async (server) => {
        const resolver = new Resolver(resolverOptions);
        resolver.setServers([server]);
        try {
          await resolver.resolvePtr('1.0.0.127.in-addr.arpa');
          return { server, failure: undefined };
        } catch (error) {
          const { code = 'unknown' } = error as NodeJS.ErrnoException;
          return { server, failure: ['ENOTFOUND', 'ENODATA'].includes(code) ? undefined : code };
        }
      }),
  );
}
