// Step `sample`: one flow out of N is stored, and stands for the others: its bytes and packets are multiplied by N.

import { z } from 'zod';
import { conditionOption } from '../condition.ts';
import type { FlowDocument } from '../flow-document.ts';
import { scaled } from '../scaled-count.ts';
import { readsOf, type StepDefinition } from '../step.ts';
import { hashText, mixHash } from '../text-hash.ts';

const options = z.strictObject({
  one_in: z
    .int({ error: 'expected a whole number: one flow out of so many is stored' })
    .min(2, { error: 'expected at least 2 (one flow out of two)' })
    .max(1_000_000, { error: 'expected at most 1000000' })
    .describe('One flow out of so many is stored, with bytes and packets of so many; 2 to 1000000.'),
  when: conditionOption
    .optional()
    .describe('A condition (docs/conditions.md): only flows for which it holds are sampled, the others all stored.'),
});

export type SampleOptions = z.infer<typeof options>;

/**
 * Which one is decided by a hash of the flow, not by chance: a batch that is worked on again after an error gives the same
 * documents, and so doubles none. The interval has a field of its own, for `flow.sampling_interval` counts packets, and the
 * step `sampling` multiplies by it.
 */
export const sampleStep: StepDefinition<SampleOptions> = {
  name: 'sample',
  summary:
    'Stores one flow out of N and multiplies its bytes and packets by N; the others are counted, not stored. The same flow has the same fate each time.',
  options,
  uses: ({ when }) => readsOf(when?.fields),
  reads: ['flow.bytes', 'flow.packets'],
  writes: ['flow.bytes', 'flow.packets', 'flow.sampling_flow_interval'],
  cost: {
    microseconds: 0.1,
    remark: 'For a condition that seldom holds. A flow that is not stored saves the rest of its way.',
  },
  examples: [
    {
      title: 'a flow that is stored stands for ten',
      options: { one_in: 10 },
      record: {
        sourceIPv4Address: '10.0.0.1',
        sourceTransportPort: 40_007,
        destinationTransportPort: 443,
        octetDeltaCount: 1500,
        packetDeltaCount: 3,
      },
      expect: { 'flow.bytes': 15_000, 'flow.packets': 30, 'flow.sampling_flow_interval': 10 },
    },
    {
      title: 'a flow that is not stored',
      options: { one_in: 10 },
      record: {
        sourceIPv4Address: '10.0.0.1',
        sourceTransportPort: 40_001,
        destinationTransportPort: 443,
        octetDeltaCount: 1500,
        packetDeltaCount: 3,
      },
      expect: 'dropped',
    },
    {
      title: 'flows for which the condition does not hold are all stored as they are',
      options: { one_in: 1_000_000, when: 'flow.bytes < 1000' },
      record: { octetDeltaCount: 1500, packetDeltaCount: 3 },
      expect: { 'flow.bytes': 1500, 'flow.packets': 3, 'flow.sampling_flow_interval': null },
    },
  ],
  create({ one_in: interval, when }) {
    /** Of 2^32 hashes so many are stored. */
    const limit = 2 ** 32 / interval;

    function apply(flow: FlowDocument): boolean {
      if (when?.holds(flow) === false) return true;
      if (hashOf(flow) >= limit) return false;
      flow.bytes = scaled(flow.bytes, interval);
      flow.packets = scaled(flow.packets, interval);
      flow.flowSamplingInterval = (flow.flowSamplingInterval ?? 1) * interval;
      return true;
    }

    return { apply };
  },
};

/** Whatever makes a flow different from the one before it. */
function hashOf({
  header,
  timestampMs,
  src,
  dst,
  srcPort,
  dstPort,
  protocol,
  inputSnmp,
  bytes,
  packets,
  flowSamplingInterval,
}: FlowDocument): number {
  let hash = mixHash(header.sequence, header.sflow?.sampleSequence ?? 0);
  // A second step `sample` decides anew.
  hash = mixHash(hash, flowSamplingInterval ?? 1);
  hash = mixHash(hash, hashText(header.exporter));
  hash = mixHash(hash, Math.floor(timestampMs / 2 ** 32));
  hash = mixHash(hash, timestampMs);
  if (src !== undefined) hash = mixHash(hash, hashText(src.text));
  if (dst !== undefined) hash = mixHash(hash, hashText(dst.text));
  hash = mixHash(hash, ((srcPort ?? 0) << 16) | (dstPort ?? 0));
  hash = mixHash(hash, (protocol ?? 0) | ((inputSnmp ?? 0) << 8));
  return mixHash(mixHash(hash, Number(bytes ?? 0)), Number(packets ?? 0)) >>> 0;
}
