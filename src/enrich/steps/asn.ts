// Step `asn`: the autonomous system of public addresses.

import { resolve } from 'node:path';
import { z } from 'zod';
import type { AddressFacts } from '../address-facts.ts';
import { openAsnDatabase, openShippedAsnDatabase } from '../asn-database.ts';
import { databasePaths } from '../database-option.ts';
import { fixedFile, openReloadingFile } from '../reloading-file.ts';
import type { StepDefinition } from '../step.ts';

const options = z.strictObject({
  database: databasePaths
    .optional()
    .describe(
      'An AS database (.mmdb: GeoLite2-ASN, DB-IP ASN), from the folder of the pipeline file; a list where IPv4 and IPv6 have a file each. Default: the database that comes with weir.',
    ),
});

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
  ],
  async create({ database }, { folder, logger }) {
    const paths = database?.map((path) => resolve(folder, path));
    const systems =
      paths === undefined
        ? fixedFile(await openShippedAsnDatabase('database'))
        : await openReloadingFile({ name: 'asn', paths, open: () => openAsnDatabase(paths, 'database'), logger });

    function describe(facts: AddressFacts): void {
      const system = facts.isPrivate ? undefined : systems.current.lookup(facts.text, facts.version);
      facts.asn = system?.asn;
      facts.autonomousSystem = facts.isPrivate ? 'private' : (system?.text ?? 'public');
    }

    return { describe, factsVersion: () => systems.version, watched: [systems], close: async () => systems.stop() };
  },
};
