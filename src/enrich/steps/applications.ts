// Step `applications`: the name of a flow's application. First by the user's list of addresses and ports; then the id that the
// exporter sent becomes its name by the vendor's table. Names that exporters send themselves stay (data/field-map.yml).

import { z } from 'zod';
import {
  type ApplicationId,
  type ApplicationServer,
  createApplicationNames,
  createApplicationServers,
  readApplicationIds,
  readApplicationKey,
  readApplicationServers,
  readApplicationTypes,
  readServerKey,
} from '../application-names.ts';
import { createExporterSetting } from '../exporter-setting.ts';
import type { FlowDocument } from '../flow-document.ts';
import { noTwins, subnetMap } from '../setting-types.ts';
import { oneSlice } from '../slices.ts';
import type { StepDefinition } from '../step.ts';
import { filePaths, openTable, storedName } from '../table-files.ts';

const vendor = z
  .string({ error: 'expected the name of a vendor, such as "fortinet"' })
  .regex(/^\w{1,64}$/, { error: 'expected the name of a vendor, such as "fortinet"' });

const vendorsExpected = 'expected the name of a vendor, or a mapping from subnet of exporters to vendor';

function idOfKey(key: string): string | undefined {
  const read = readApplicationKey(key);
  return read && `${read.type} ${read.id}`;
}

function serverOfKey(key: string): string | undefined {
  const read = readServerKey(key);
  return read && `${read.address} ${read.port}`;
}

const options = z.strictObject({
  names: z
    .record(
      z.string().refine((key) => readApplicationKey(key) !== undefined, {
        error: 'expected an id such as "13..453" or "fortinet__0..10"',
      }),
      storedName,
      { error: 'expected a mapping from application id to name' },
    )
    .superRefine(noTwins(idOfKey, 'id'))
    .default({})
    .describe('Names of ids: `13..453` for all exporters, `fortinet__0..10` for those of a vendor.'),
  file: filePaths('a YAML file with names of application ids')
    .default([])
    .describe('Files of the same, such as ElastiFlow’s `app_id.yml`.'),
  vendor: z
    .union([vendor, subnetMap(vendor, vendorsExpected)], { error: vendorsExpected })
    .optional()
    .describe('Whose ids exporters send (`cisco_nbar2`, `fortinet`): one vendor, or a map from subnet to vendor.'),
  vendor_file: filePaths('a YAML file with vendors of exporters')
    .default([])
    .describe('Files of the same, such as ElastiFlow’s `app_id.srctype.yml`.'),
  servers: z
    .record(
      z.string().refine((key) => readServerKey(key) !== undefined, {
        error: 'expected an address and a port such as "192.0.2.2:9092"',
      }),
      storedName,
      { error: 'expected a mapping from address and port to name' },
    )
    .superRefine(noTwins(serverOfKey, 'address and port'))
    .default({})
    .describe('Names by address and port: `192.0.2.2:9092: kafka`. They go before what the exporter sends.'),
  servers_file: filePaths('a YAML file with names by address and port')
    .default([])
    .describe('Files of the same, such as ElastiFlow’s `applications.yml`.'),
});

export type ApplicationsOptions = z.infer<typeof options>;

const unknownVendor = '';

/** The id that says nothing (ElastiFlow drops it, too): no engine, no selector. */
const noApplication = '0..0';

export const applicationsStep: StepDefinition<ApplicationsOptions> = {
  name: 'applications',
  summary:
    'Names applications by your list of addresses and ports, and by the tables of vendors for the ids that devices send.',
  options,
  reads: ['node.ipaddr', 'flow.src_addr', 'flow.dst_addr', 'flow.src_port', 'flow.dst_port', 'flow.application'],
  writes: ['flow.application'],
  cost: { microseconds: 0.3, remark: 'Names from ids; the size of the tables does not matter.' },
  examples: [
    {
      title: 'the id of a vendor',
      options: { vendor: { '192.0.2.0/24': 'fortinet' }, names: { 'fortinet__0..10': 'Skype', '0..10': 'other' } },
      record: { applicationId: '0000000a' },
      expect: { 'flow.application': 'Skype' },
    },
    {
      title: 'an id that no table knows stays as it is',
      options: { vendor: 'cisco_nbar2', names: { 'fortinet__13..453': 'SSL' } },
      record: { applicationId: '0d0001c5' },
      expect: { 'flow.application': '13..453' },
    },
    {
      title: 'a server of your own goes before what the exporter says',
      options: { servers: { '192.0.2.2:9092': 'kafka' } },
      record: { destinationIPv4Address: '192.0.2.2', destinationTransportPort: 9092, applicationName: 'unknown' },
      expect: { 'flow.application': 'kafka' },
    },
    {
      title: 'the id 0..0 says nothing',
      options: {},
      record: { applicationId: '00000000' },
      expect: { 'flow.application': null },
    },
  ],
  async create(given, { folder, logger }) {
    const { file, vendor_file: vendorFile, servers_file: serversFile } = given;
    const common = { step: 'applications', folder, logger };
    const inlineNames = Object.entries(given.names).flatMap(([key, name]): ApplicationId[] => {
      const read = readApplicationKey(key);
      return read === undefined ? [] : [{ ...read, name }];
    });
    const inlineServers = Object.entries(given.servers).flatMap(([key, name]): ApplicationServer[] => {
      const read = readServerKey(key);
      return read === undefined ? [] : [{ ...read, name }];
    });
    const inlineVendors = typeof given.vendor === 'object' ? Object.entries(given.vendor) : [];
    const fallback = typeof given.vendor === 'string' ? given.vendor : unknownVendor;
    const names = await openTable({
      ...common,
      option: 'file',
      paths: file,
      read: readApplicationIds,
      build: (entries) => createApplicationNames([...entries, ...inlineNames]),
    });
    const servers = await openTable({
      ...common,
      option: 'servers_file',
      paths: serversFile,
      read: readApplicationServers,
      build: (entries) => createApplicationServers([...entries, ...inlineServers]),
    });
    const vendors = await openTable({
      ...common,
      option: 'vendor_file',
      paths: vendorFile,
      read: readApplicationTypes,
      build: (entries) =>
        oneSlice(
          createExporterSetting(
            [...entries.map(({ exporter, type }) => [exporter, type] as const), ...inlineVendors],
            fallback,
          ),
        ),
    });

    function apply(flow: FlowDocument): undefined {
      const known = servers.current;
      const byServer = known.size === 0 ? undefined : known.nameOf(flow);
      if (byServer !== undefined) flow.application = byServer;
      else if (flow.application !== undefined && isDigit(flow.application.charCodeAt(0))) {
        flow.application = nameOfId(flow.application, flow.exporter);
      }
    }

    function nameOfId(text: string, exporter: string): string | undefined {
      const id = text.includes(':') ? (readApplicationKey(text)?.id ?? text) : text;
      return id === noApplication ? undefined : (names.current.nameOf(vendors.current(exporter), id) ?? id);
    }

    return {
      apply,
      watched: [names, servers, vendors],
      close: async () => {
        for (const table of [names, servers, vendors]) table.stop();
      },
    };
  },
};

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
