// Step `sampling`: which sampling interval counts for a flow, and what its bytes and packets stand for.

import { z } from 'zod';
import { createExporterSetting } from '../exporter-setting.ts';
import type { FlowDocument } from '../flow-document.ts';
import { scaled } from '../scaled-count.ts';
import { interfaceMap, subnetMap } from '../setting-types.ts';
import type { StepDefinition } from '../step.ts';

const interval = z
  .int({ error: 'expected a sampling interval: 1 out of N packets' })
  .min(1, { error: 'expected a sampling interval of at least 1 (1: every packet was counted)' })
  .max(2 ** 32 - 1, { error: 'expected a sampling interval below 4294967296' });

const ofExporter = z.union([interval, interfaceMap(interval)], {
  error: 'expected a sampling interval, or a mapping from interface number to sampling interval',
});

const intervalsExpected = 'expected a sampling interval, or a mapping from subnet of exporters to sampling interval';
const perExporter = z.union([interval, subnetMap(ofExporter, intervalsExpected)], { error: intervalsExpected });

const options = z.strictObject({
  default: perExporter
    .optional()
    .describe(
      'Sampling interval of exporters that tell none (or 0): a number, or a map from subnet to number; the longest prefix that contains the exporter wins. Instead of a number also a map from interface to number: the interface that flows came in by, or of egress flows (`flow.direction`) went out by.',
    ),
  override: perExporter
    .optional()
    .describe('Sampling interval that counts whatever the exporter tells; in the same forms. 1: multiply nothing.'),
});

export type SamplingOptions = z.infer<typeof options>;

/**
 * An interval of 0 counts as not told: a NetFlow v5 header has the field always, and routers whose sampling is set
 * elsewhere leave it 0. (ElastiFlow took that 0 for an answer, so its YAML file never reached v5 exporters.)
 */
export const samplingStep: StepDefinition<SamplingOptions> = {
  name: 'sampling',
  summary:
    'Multiplies bytes and packets by the sampling interval: the exporter’s own (header, record or options data), else `default`; `override` goes before all.',
  options,
  reads: [
    'node.ipaddr',
    'flow.input_snmp',
    'flow.output_snmp',
    'flow.direction',
    'flow.sampling_interval',
    'flow.bytes',
    'flow.packets',
  ],
  writes: ['flow.sampling_interval', 'flow.sampling_source', 'flow.bytes', 'flow.packets'],
  cost: { microseconds: 0.4, remark: 'A multiplication of bytes and packets, and the writing of what was found.' },
  examples: [
    {
      title: 'the interval in the record counts',
      options: { default: 1000 },
      record: { samplingInterval: 100, octetDeltaCount: 1500, packetDeltaCount: 2 },
      expect: { 'flow.bytes': 150_000, 'flow.packets': 200, 'flow.sampling_interval': 100 },
    },
    {
      title: 'an exporter that tells nothing gets the default of its longest subnet',
      options: { default: { '10.0.0.0/8': 1000, '10.0.1.0/24': 10 } },
      record: { exporterIPv4Address: '10.0.1.7', octetDeltaCount: 100, packetDeltaCount: 1 },
      expect: { 'flow.bytes': 1000, 'flow.packets': 10, 'flow.sampling_interval': 10 },
    },
    {
      title: 'an override goes before what the exporter tells',
      options: { override: 512 },
      record: { samplingInterval: 1, octetDeltaCount: 100, packetDeltaCount: 1 },
      expect: { 'flow.bytes': 51_200, 'flow.packets': 512, 'flow.sampling_interval': 512 },
    },
    {
      title: 'interfaces of an exporter may differ',
      options: { override: { '192.0.2.1': { 1: 512, 2: 2048 }, '192.0.2.0/24': 100 } },
      record: { ingressInterface: 2, egressInterface: 1, octetDeltaCount: 100, packetDeltaCount: 1 },
      expect: { 'flow.bytes': 204_800, 'flow.sampling_interval': 2048, 'flow.sampling_source': 'override' },
    },
  ],
  create({ default: fallback, override }) {
    const overrideOf = createChoice(override);
    const defaultOf = createChoice(fallback);

    function apply(flow: FlowDocument): undefined {
      const forced = overrideOf(flow);
      if (forced !== none) {
        flow.samplingInterval = forced;
        flow.samplingSource = 'override';
      } else if (flow.samplingInterval === undefined || flow.samplingInterval <= 0) {
        const assumed = defaultOf(flow);
        if (assumed !== none) {
          flow.samplingInterval = assumed;
          flow.samplingSource = 'default';
        }
      }
      const factor = flow.samplingInterval ?? 0;
      if (factor <= 0 || factor === 1) return;
      flow.bytes = scaled(flow.bytes, factor);
      flow.packets = scaled(flow.packets, factor);
    }

    return { apply };
  },
};

/** The file says nothing for this exporter. */
const none = 0;

type ByInterface = ReadonlyMap<number, number>;

function createChoice(setting: z.infer<typeof perExporter> | undefined): (flow: FlowDocument) => number {
  if (setting === undefined) return () => none;
  if (typeof setting === 'number') return () => setting;
  const settingOf = createExporterSetting(
    Object.entries(setting).map(([prefix, given]): [string, number | ByInterface] => [
      prefix,
      typeof given === 'number' ? given : new Map(Object.entries(given).map(([key, value]) => [Number(key), value])),
    ]),
    none,
  );
  return ({ exporter, direction, inputSnmp, outputSnmp }) => {
    const found = settingOf(exporter);
    if (typeof found === 'number') return found;
    // 1: metered where it went out (IPFIX element 61).
    return found.get((direction === 1 ? outputSnmp : inputSnmp) ?? -1) ?? none;
  };
}
