// Step `asn`: the autonomous system of public addresses.

import { resolve } from 'node:path';
import { z } from 'zod';
import type { AddressFacts, AutonomousSystem } from '../address-facts.ts';
import { openAsnDatabase, openShippedAsnDatabase } from '../asn-database.ts';
import { databasePaths } from '../database-option.ts';
import { createExporterSetting } from '../exporter-setting.ts';
import { createMmdbFaultNote } from '../fault-note.ts';
import type { FlowDocument } from '../flow-document.ts';
import { fixedFile, openReloadingFile } from '../reloading-file.ts';
import { subnetMap } from '../setting-types.ts';
import type { StepDefinition } from '../step.ts';

const preferred = z.enum(['database', 'exporter'], { error: 'expected database or exporter' });
const preferredExpected = 'expected database or exporter, or a mapping from subnet of exporters to one of them';

const options = z.strictObject({
  database: databasePaths
    .optional()
    .describe(
      'An AS database (.mmdb: GeoLite2-ASN, DB-IP ASN), from the folder of the pipeline file; a list where IPv4 and IPv6 have a file each. Default: the database that comes with weir.',
    ),
  prefer: z
    .union([preferred, subnetMap(preferred, preferredExpected)], { error: preferredExpected })
    .default('database')
    .describe(
      'One of both, or a map from subnet of exporters to one of both. With `exporter`, the AS numbers that the exporter’s BGP knows (elements 16 and 17, NetFlow v5, sFlow’s gateway data) go first where it sends some; the database has their names, and serves where it does not.',
    ),
});

/** The exporter does not know (0, RFC 7607), or has no room for a number of 32 bits (AS_TRANS, RFC 6793). */
const unknownNumbers = [0, 23_456];

export type AsnOptions = z.infer<typeof options>;

/** Text forms: "Google LLC (15169)", one of the two where the database has no more, "public" where it has neither, "private". */
export const asnStep: StepDefinition<AsnOptions> = {
  name: 'asn',
  summary: 'Finds the autonomous system of public addresses: number, and text such as `Google LLC (15169)`.',
  options,
  reads: ['flow.src_addr', 'flow.dst_addr'],
  writes: ['src', 'dst', 'client', 'server']
    .flatMap((side) => [`flow.${side}_autonomous_system`, `flow.${side}_asn`])
    .concat('flow.autonomous_system'),
  cost: {
    microseconds: 0.3,
    remark: 'An address is looked up once, and then known; `prefer: exporter` costs about 2 µs.',
  },
  examples: [
    {
      title: 'a public and a private side',
      options: {},
      record: { sourceIPv4Address: '10.0.0.115', destinationIPv4Address: '8.8.8.8' },
      expect: {
        'flow.dst_autonomous_system': 'Google LLC (15169)',
        'flow.dst_asn': 15169,
        'flow.src_autonomous_system': 'private',
        'flow.src_asn': null,
        'flow.autonomous_system': 'Google LLC (15169)',
      },
    },
    {
      title: 'a public address that no AS announces',
      options: {},
      record: { sourceIPv6Address: '2001:4860:4860::8888', destinationIPv6Address: '2001:db8::1' },
      expect: { 'flow.src_asn': 15169, 'flow.dst_autonomous_system': 'public', 'flow.dst_asn': null },
    },
    {
      title: 'what the exporter’s BGP says goes first, for private addresses too',
      options: { prefer: 'exporter' },
      record: {
        sourceIPv4Address: '10.0.0.115',
        destinationIPv4Address: '8.8.8.8',
        bgpSourceAsNumber: 64500,
        bgpDestinationAsNumber: 13335,
      },
      expect: {
        'flow.src_asn': 64500,
        'flow.src_autonomous_system': '64500',
        'flow.dst_asn': 13335,
        'flow.dst_autonomous_system': 'Cloudflare, Inc. (13335)',
        'flow.autonomous_system': 'Cloudflare, Inc. (13335)',
      },
    },
    {
      title: 'exporters may differ',
      options: { prefer: { '192.0.2.0/24': 'exporter', '192.0.2.1': 'database' } },
      record: { sourceIPv4Address: '10.0.0.115', destinationIPv4Address: '8.8.8.8', bgpDestinationAsNumber: 13335 },
      expect: { 'flow.dst_asn': 15169 },
    },
    {
      title: 'an exporter that does not know (0), or has no room for the number (23456): the database',
      options: { prefer: 'exporter' },
      record: {
        sourceIPv4Address: '8.8.8.8',
        destinationIPv4Address: '8.8.8.8',
        bgpSourceAsNumber: 0,
        bgpDestinationAsNumber: 23456,
      },
      expect: { 'flow.src_asn': 15169, 'flow.dst_asn': 15169, 'flow.dst_autonomous_system': 'Google LLC (15169)' },
    },
  ],
  async create({ database, prefer }, context) {
    const { folder, logger } = context;
    const paths = database?.map((path) => resolve(folder, path));
    const choices = typeof prefer === 'string' ? {} : prefer;
    const preferredOf = createExporterSetting(
      Object.entries(choices),
      typeof prefer === 'string' ? prefer : 'database',
    );
    const isExporterAsked = [prefer, ...Object.values(choices)].includes('exporter');
    const reading = { readsNames: isExporterAsked, noteFault: createMmdbFaultNote('asn', context) };
    const openFixed = async () => {
      const shipped = await openShippedAsnDatabase('database', reading);
      return fixedFile(shipped, shipped.close);
    };
    const systems =
      paths === undefined
        ? await openFixed()
        : await openReloadingFile({
            name: 'asn',
            paths,
            open: () => openAsnDatabase(paths, 'database', reading),
            logger,
          });

    function describe(facts: AddressFacts): void {
      const system = facts.isPrivate ? undefined : systems.current.lookup(facts.text, facts.version);
      facts.asn = system?.asn;
      facts.autonomousSystem = facts.isPrivate ? 'private' : (system?.text ?? 'public');
    }

    function systemOf(facts: AddressFacts | undefined, asn: number | undefined): AutonomousSystem | undefined {
      if (facts === undefined || asn === undefined || unknownNumbers.includes(asn)) return undefined;
      return asn === facts.asn ? undefined : systems.current.system(asn);
    }

    function apply(flow: FlowDocument): undefined {
      if (preferredOf(flow.exporter) !== 'exporter') return;
      flow.srcSystem = systemOf(flow.src, flow.srcAsNumber);
      flow.dstSystem = systemOf(flow.dst, flow.dstAsNumber);
    }

    return {
      describe,
      ...(isExporterAsked && { readsAsNumbers: true, apply }),
      factsVersion: () => systems.version,
      watched: [systems],
      close: async () => systems.stop(),
    };
  },
};
