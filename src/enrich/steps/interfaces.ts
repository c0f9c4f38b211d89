// Step `interfaces`: names of interfaces from the user's own lists. What exporters tell in options data is in the flow already
// (weir.* columns, data/field-map.yml); the user's names go before it.

import { z } from 'zod';
import type { FlowDocument } from '../flow-document.ts';
import { createNumberNames, type NumberName, readNumberNames } from '../number-names.ts';
import type { StepDefinition } from '../step.ts';
import { filePaths, openTable, storedName, subnetKey } from '../table-files.ts';

/** ifIndex is 32 bits wide (RFC 2863). */
const maxInterface = 2 ** 32 - 1;

const interfaceNumber = z
  .string()
  .refine((text) => /^\d{1,10}$/.test(text) && Number(text) <= maxInterface, { error: 'expected an interface number' });

const options = z.strictObject({
  names: z
    .record(
      subnetKey,
      z.record(interfaceNumber, storedName, { error: 'expected a mapping from interface number to name' }),
      { error: 'expected a mapping from exporter to interface names, such as "192.0.2.1: { 2: eth0 }"' },
    )
    .default({})
    .describe('For each exporter, or subnet of exporters, a map from interface number (ifIndex) to name.'),
  file: filePaths('a YAML or CSV file with names of interfaces')
    .default([])
    .describe(
      'Files of the same: YAML as in `names` or as ElastiFlow’s `ifName.yml`, CSV with exporter, number, name. They are read again when they change.',
    ),
});

export type InterfacesOptions = z.infer<typeof options>;

export const interfacesStep: StepDefinition<InterfacesOptions> = {
  name: 'interfaces',
  summary: 'Names interfaces from your own lists; they go before the names that exporters send themselves.',
  options,
  reads: ['node.ipaddr', 'flow.input_snmp', 'flow.output_snmp'],
  writes: ['flow.input_ifname', 'flow.output_ifname'],
  examples: [
    {
      title: 'a name for one interface; the other keeps its number',
      options: { names: { '192.0.2.1': { '2': 'uplink' } } },
      record: { ingressInterface: 2, egressInterface: 3 },
      expect: { 'flow.input_ifname': 'uplink', 'flow.output_ifname': 'index: 3' },
    },
    {
      title: 'the longest subnet that contains the exporter counts',
      options: { names: { '192.0.2.0/24': { '1': 'wan' }, '0.0.0.0/0': { '1': 'ge-0/0/0' } } },
      record: { ingressInterface: 1 },
      expect: { 'flow.input_ifname': 'wan' },
    },
    {
      title: 'without a name of yours, the exporter’s own stays',
      options: { names: { '192.0.2.1': { '2': 'uplink' } } },
      record: { ingressInterface: 7, 'weir.ingressInterfaceName': 'Gi0/7' },
      expect: { 'flow.input_ifname': 'Gi0/7' },
    },
  ],
  async create({ names, file }, { folder, logger }) {
    const inline = Object.entries(names).flatMap(([exporter, named]) =>
      Object.entries(named).map(([number, name]): NumberName => ({ exporter, number: Number(number), name })),
    );
    const table = await openTable({
      step: 'interfaces',
      option: 'file',
      paths: file,
      folder,
      logger,
      read: readInterfaceNames,
      build: (entries) => createNumberNames([...entries, ...inline]),
    });

    function apply(flow: FlowDocument): undefined {
      const { exporter, inputSnmp, outputSnmp } = flow;
      const known = table.current;
      if (inputSnmp !== undefined) flow.inputIfname = known.lookup(exporter, inputSnmp) ?? flow.inputIfname;
      if (outputSnmp !== undefined) flow.outputIfname = known.lookup(exporter, outputSnmp) ?? flow.outputIfname;
    }

    return { apply, close: async () => table.stop() };
  },
};

export function readInterfaceNames(text: string, path: string) {
  return readNumberNames(text, path, {
    what: 'an interface number',
    max: maxInterface,
    isCommonAllowed: false,
    splitKey: (key) => {
      const match = /^(.+)::ifName\.(\d+)$/.exec(key);
      return match === null ? undefined : { exporter: match[1] ?? '', number: match[2] ?? '' };
    },
  });
}
