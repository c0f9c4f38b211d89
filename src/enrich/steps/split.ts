// Step `split`: a flow that lasted longer than a minute is stored as one document for each minute, so that a curve over time shows
// its traffic when it flowed, not when it was told. Here: whether, and how long the parts are. How they are made: flow-parts.ts.

import { z } from 'zod';
import { partCount } from '../flow-parts.ts';
import { isStorableTime } from '../json-text.ts';
import { duration, whole } from '../setting-types.ts';
import type { StepDefinition } from '../step.ts';

const options = z.strictObject({
  over: duration(1000, 86_400_000)
    .prefault('1m')
    .describe(
      'Flows that lasted longer are stored in parts of this length, cut at whole multiples of it (UTC); 1s to 1d.',
    ),
  max_parts: whole(2, 1440)
    .prefault(60)
    .describe('A flow has at most so many parts; those of longer flows are twice, four times … as long.'),
});

export type SplitOptions = z.infer<typeof options>;

/** No exporter tells a flow that long (active timeouts are minutes, and uptimes wrap after 49.7 days): its clock is wrong. */
const maxDurationMs = 30 * 86_400_000;

/** So far from the time of export a flow does not end, unless one of the clocks is wrong: its parts would be in indices of other years. */
const maxDelayMs = 86_400_000;

/**
 * The parts are made of the finished document: other steps see the flow as it was told, wherever `split` stands, and what they
 * drop, sample, multiply and mark is the whole flow.
 */
export const splitStep: StepDefinition<SplitOptions> = {
  name: 'split',
  summary:
    'Stores a flow that lasted longer than a minute as one document a minute; bytes and packets are shared out, and their sums stay.',
  options,
  reads: ['@timestamp', 'flow.bytes', 'flow.packets'],
  writes: ['@timestamp', 'flow.bytes', 'flow.packets', 'flow.split_part', 'flow.split_parts', 'flow.split_skipped'],
  cost: { microseconds: 0.1, remark: 'For flows that stay whole; each further document costs as much as any.' },
  examples: [
    {
      title: 'two and a half minutes, cut where a minute begins',
      options: {},
      record: {
        flowStartMilliseconds: '2025-12-31T23:56:30Z',
        flowEndMilliseconds: '2025-12-31T23:59:00Z',
        octetDeltaCount: 1500,
        packetDeltaCount: 2,
      },
      expect: [
        {
          '@timestamp': '2025-12-31T23:56:30.000Z',
          'flow.bytes': 300,
          'flow.packets': 1,
          'flow.split_part': 1,
          'flow.split_parts': 3,
          'ipfix.flowStartMilliseconds': '2025-12-31T23:56:30.000Z',
          'ipfix.flowEndMilliseconds': '2025-12-31T23:57:00.000Z',
          'ipfix.octetDeltaCount': 300,
        },
        { '@timestamp': '2025-12-31T23:57:00.000Z', 'flow.bytes': 600, 'flow.packets': 1, 'flow.split_part': 2 },
        {
          '@timestamp': '2025-12-31T23:58:00.000Z',
          'flow.bytes': 600,
          'flow.packets': 0,
          'flow.split_part': 3,
          'ipfix.flowEndMilliseconds': '2025-12-31T23:59:00.000Z',
        },
      ],
    },
    {
      title: 'a flow of a minute stays whole',
      options: {},
      record: {
        flowStartMilliseconds: '2025-12-31T23:56:30Z',
        flowEndMilliseconds: '2025-12-31T23:57:30Z',
        octetDeltaCount: 1500,
      },
      expect: [{ '@timestamp': '2026-01-01T00:00:00.000Z', 'flow.bytes': 1500, 'flow.split_parts': null }],
    },
    {
      title: 'more parts than are allowed: longer ones',
      options: { over: '10s', max_parts: 2 },
      record: {
        flowStartMilliseconds: '2025-12-31T23:59:00Z',
        flowEndMilliseconds: '2026-01-01T00:00:00Z',
        octetDeltaCount: 600,
      },
      expect: [
        { '@timestamp': '2025-12-31T23:59:00.000Z', 'flow.bytes': 200 },
        { '@timestamp': '2025-12-31T23:59:20.000Z', 'flow.bytes': 400 },
      ],
    },
    {
      title: 'a flow that claims ten years stays whole, and says so',
      options: {},
      record: {
        flowStartMilliseconds: '2016-01-01T00:00:00Z',
        flowEndMilliseconds: '2026-01-01T00:00:00Z',
        octetDeltaCount: 1500,
      },
      expect: [{ 'flow.bytes': 1500, 'flow.split_parts': null, 'flow.split_skipped': 'too_long' }],
    },
  ],
  create({ over, max_parts: allowed }) {
    return {
      readsTimes: true,
      partMs(flow, maxParts) {
        const { startMs, endMs, timestampMs } = flow;
        if (startMs === undefined || endMs === undefined || !(endMs - startMs > over)) return 0;
        const isAway = Math.abs(endMs - timestampMs) > maxDelayMs || !isStorableTime(startMs) || !isStorableTime(endMs);
        if (isAway || endMs - startMs > maxDurationMs) {
          flow.splitSkipped = isAway ? 'clock' : 'too_long';
          return 0;
        }
        let partMs = over;
        while (partCount(Math.floor(startMs), Math.floor(endMs), partMs) > Math.min(allowed, maxParts)) partMs *= 2;
        return partMs;
      },
    };
  },
};
