// Step `vlan-names`: names of VLANs from the user's own lists, for all exporters or by exporter.

import { z } from 'zod';
import type { FlowDocument } from '../flow-document.ts';
import { createNumberNames, type NumberName, readNumberNames } from '../number-names.ts';
import { readPrefix } from '../prefix-table.ts';
import { keyMistake, noTwins, numberKey, subnetKey } from '../setting-types.ts';
import type { StepDefinition } from '../step.ts';
import { filePaths, openTable, storedName } from '../table-files.ts';

/** IEEE 802.1Q: 12 bits. */
const maxVlan = 4095;

const isVlan = (key: string): boolean => /^\d{1,4}$/.test(key) && Number(key) <= maxVlan;

const vlanKey = z.string().refine(isVlan, { error: 'expected a VLAN, 0 to 4095' }).meta({ pattern: '^\\d{1,4}$' });

const vlanNames = z
  .record(vlanKey, storedName, { error: 'expected a mapping from VLAN to name' })
  .superRefine(noTwins(numberKey, 'VLAN'));

const options = z.strictObject({
  names: z
    .record(
      // A VLAN, or a subnet; which of them, the value decides.
      z.string().meta({ pattern: '^[0-9A-Fa-f.:]+(/\\d{1,3})?$' }),
      z.union([storedName, vlanNames], { error: 'expected a name, or a mapping from VLAN to name' }),
      {
        error: 'expected a mapping from VLAN to name, such as "10: office"',
      },
    )
    .superRefine((names, context) => {
      for (const [key, value] of Object.entries(names)) {
        const isName = typeof value === 'string';
        if (isName ? isVlan(key) : readPrefix(key) !== undefined) continue;
        const message = isName
          ? `expected a VLAN, 0 to 4095, got "${key}"`
          : `expected a subnet of exporters such as "10.0.0.0/8", or an address, got "${key}"`;
        keyMistake(context, names, [key], message);
      }
    })
    .superRefine(noTwins((key) => numberKey(key) ?? subnetKey(key), 'VLAN or subnet'))
    .default({})
    .describe('A map from VLAN to name; or from subnet of exporters to such a map, where they differ.'),
  file: filePaths('a YAML or CSV file with names of VLANs')
    .default([])
    .describe(
      'Files of the same: YAML, or CSV with VLAN, name (or exporter, VLAN, name). They are read again when they change.',
    ),
});

export type VlanNamesOptions = z.infer<typeof options>;

export const vlanNamesStep: StepDefinition<VlanNamesOptions> = {
  name: 'vlan-names',
  summary: 'Names VLANs from your own lists.',
  options,
  reads: ['node.ipaddr', 'flow.vlan'],
  writes: ['flow.vlan_name'],
  cost: { microseconds: 0.1, remark: 'The size of the table does not matter.' },
  examples: [
    {
      title: 'a VLAN with a name',
      options: { names: { '10': 'office' } },
      record: { vlanId: 10 },
      expect: { 'flow.vlan': 10, 'flow.vlan_name': 'office' },
    },
    {
      title: 'a VLAN without one',
      options: { names: { '10': 'office' } },
      record: { vlanId: 11 },
      expect: { 'flow.vlan': 11, 'flow.vlan_name': null },
    },
    {
      title: 'exporters that number their VLANs differently',
      options: { names: { '10': 'office', '192.0.2.0/24': { '10': 'laboratory' } } },
      record: { vlanId: 10 },
      expect: { 'flow.vlan_name': 'laboratory' },
    },
  ],
  async create({ names, file }, { folder, logger }) {
    const inline = Object.entries(names).flatMap(([key, value]): NumberName[] =>
      typeof value === 'string'
        ? [{ exporter: undefined, number: Number(key), name: value }]
        : Object.entries(value).map(([vlan, name]) => ({ exporter: key, number: Number(vlan), name })),
    );
    const table = await openTable({
      step: 'vlan-names',
      option: 'file',
      paths: file,
      folder,
      logger,
      read: readVlanNames,
      build: (entries) => createNumberNames([...entries, ...inline]),
    });

    function apply(flow: FlowDocument): undefined {
      if (flow.vlan !== undefined) flow.vlanName = table.current.lookup(flow.exporter, flow.vlan);
    }

    return { apply, watched: [table], close: async () => table.stop() };
  },
};

export function readVlanNames(text: string, path: string) {
  return readNumberNames(text, path, { what: 'a VLAN', max: maxVlan, isCommonAllowed: true });
}
