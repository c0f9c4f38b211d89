// Step `interfaces`: names of interfaces from the user's own lists, then by SNMP. What exporters tell in options data is in the flow
// already (weir.* columns, data/field-map.yml); both go before it (docs/decisions/0027).

import { z } from 'zod';
import type { RecordBatch } from '../../model/record-batch.ts';
import type { FlowDocument } from '../flow-document.ts';
import { createNumberNames, type NumberName, readNumberNames } from '../number-names.ts';
import { interfaceMap, subnetMap } from '../setting-types.ts';
import { readSnmpTable, type SnmpInterface } from '../snmp-agent.ts';
import { createSnmpInterfaces } from '../snmp-interfaces.ts';
import { type SnmpSettings, snmpSettings } from '../snmp-settings.ts';
import type { StepDefinition } from '../step.ts';
import { filePaths, openTable, storedName } from '../table-files.ts';

/** ifIndex is 32 bits wide (RFC 2863). */
const maxInterface = 2 ** 32 - 1;

const options = z.strictObject({
  names: subnetMap(
    interfaceMap(storedName, 'expected a mapping from interface number to name'),
    'expected a mapping from exporter to interface names, such as "192.0.2.1: { 2: eth0 }"',
  )
    .default({})
    .describe('For each exporter, or subnet of exporters, a map from interface number (ifIndex) to name.'),
  file: filePaths('a YAML or CSV file with names of interfaces')
    .default([])
    .describe(
      'Files of the same: YAML as in `names` or as ElastiFlow’s `ifName.yml`, CSV with exporter, number, name. They are read again when they change.',
    ),
  snmp: snmpSettings
    .optional()
    .describe(
      'Asks the exporters that send flows for their interfaces by SNMP (v2c, v3); without it, nobody is asked.',
    ),
});

export type InterfacesOptions = z.infer<typeof options>;

export const interfacesStep: StepDefinition<InterfacesOptions> = {
  name: 'interfaces',
  summary:
    'Names interfaces from your own lists, and by SNMP; both go before the names that exporters send themselves.',
  options,
  reads: ['node.ipaddr', 'flow.input_snmp', 'flow.output_snmp'],
  writes: ['input', 'output'].flatMap((end) => ['ifname', 'ifalias', 'ifspeed'].map((what) => `flow.${end}_${what}`)),
  cost: { microseconds: 0.6, remark: 'For two interfaces; polling by SNMP goes beside the flows.' },
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
  async create({ names, file, snmp: settings }, { folder, logger, isOffline, count }) {
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

    const snmp =
      settings === undefined || isOffline === true
        ? undefined
        : createSnmpInterfaces({ settings, readTable: readSnmpTable, logger, ...(count && { count }) });

    function apply(flow: FlowDocument): undefined {
      const { exporter, inputSnmp, outputSnmp } = flow;
      const known = table.current;
      if (inputSnmp !== undefined) {
        const asked = snmp?.lookup(exporter, inputSnmp);
        flow.inputIfname = known.lookup(exporter, inputSnmp) ?? nameOf(asked, settings) ?? flow.inputIfname;
        flow.inputIfalias = asked?.alias;
        flow.inputIfspeed = asked?.speed;
      }
      if (outputSnmp !== undefined) {
        const asked = snmp?.lookup(exporter, outputSnmp);
        flow.outputIfname = known.lookup(exporter, outputSnmp) ?? nameOf(asked, settings) ?? flow.outputIfname;
        flow.outputIfalias = asked?.alias;
        flow.outputIfspeed = asked?.speed;
      }
    }

    return {
      ...(snmp !== undefined && {
        prepare: async ({ createdAtMs }: RecordBatch) => {
          snmp.nowMs = createdAtMs;
        },
      }),
      apply,
      watched: [table],
      async close() {
        table.stop();
        await snmp?.stop();
      },
    };
  },
};

/** The text that the user chose, or the next best. */
function nameOf(found: SnmpInterface | undefined, settings: SnmpSettings | undefined): string | undefined {
  if (found === undefined) return undefined;
  const chosen = { ifName: found.name, ifAlias: found.alias, ifDescr: found.description }[settings?.name ?? 'ifName'];
  return chosen ?? found.name ?? found.description;
}

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
