import { beforeEach, describe, expect, it } from 'vitest';
import { DescribedAddress } from '../../../src/enrich/address-cache.ts';
import { FlowDocument } from '../../../src/enrich/flow-document.ts';
import type { Step } from '../../../src/enrich/step.ts';
import { dedupeStep } from '../../../src/enrich/steps/dedupe.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

const nowMs = Date.UTC(2026, 0, 1);
let step: Step;

beforeEach(async () => {
  step = await dedupeStep.create(dedupeStep.options.parse({}), { folder: '.', logger: silentLogger });
});

interface Sent extends Partial<FlowDocument> {
  readonly from?: string;
  readonly to?: string;
  readonly by?: string;
  readonly atMs?: number;
}

function isCanonical({ from = '10.0.0.1', to = '10.0.0.2', by = '192.0.2.1', atMs = nowMs, ...fields }: Sent): boolean {
  const header = { exporter: by, domain: 0, setId: null, receivedAtMs: atMs, exportedAtMs: atMs, sequence: 0 };
  const flow = Object.assign(new FlowDocument(), { header, protocol: 6, srcPort: 40_000, dstPort: 443, ...fields });
  flow.src = new DescribedAddress(from, 4, true);
  flow.dst = new DescribedAddress(to, 4, true);
  expect(step.apply?.(flow)).not.toBe(false);
  return flow.canonical !== false;
}

describe('of the same flow', () => {
  it('the first exporter counts, record after record; others are marked', () => {
    expect(isCanonical({})).toBe(true);
    expect(isCanonical({ by: '192.0.2.2' })).toBe(false);
    expect(isCanonical({ by: '192.0.2.3' })).toBe(false);
    expect(isCanonical({ atMs: nowMs + 60_000 })).toBe(true);
    expect(isCanonical({ by: '192.0.2.2', atMs: nowMs + 60_000 })).toBe(false);
  });

  it('one direction of an exporter counts, whatever the interfaces', () => {
    expect(isCanonical({ direction: 0, inputSnmp: 1, outputSnmp: 2 })).toBe(true);
    expect(isCanonical({ direction: 1, inputSnmp: 1, outputSnmp: 2 })).toBe(false);
    expect(isCanonical({ direction: 0, inputSnmp: 1, outputSnmp: 3 })).toBe(true);
  });

  it('another exporter counts when the first was silent for longer than the window', () => {
    isCanonical({});
    expect(isCanonical({ by: '192.0.2.2', atMs: nowMs + 300_000 })).toBe(false);
    expect(isCanonical({ by: '192.0.2.2', atMs: nowMs + 300_001 })).toBe(true);
    expect(isCanonical({ atMs: nowMs + 300_002 })).toBe(false);
  });

  it('the same batch again gets the same marks', () => {
    const batch: Sent[] = [{}, { by: '192.0.2.2' }, { srcPort: 40_001, by: '192.0.2.2' }, { srcPort: 40_001 }];
    const first = batch.map(isCanonical);
    expect(first).toEqual([true, false, true, false]);
    expect(batch.map(isCanonical)).toEqual(first);
  });
});

it.each([
  ['source', { from: '10.0.0.3' }],
  ['destination', { to: '10.0.0.3' }],
  ['source port', { srcPort: 40_001 }],
  ['destination port', { dstPort: 444 }],
  ['protocol', { protocol: 17 }],
  ['direction between the two', { from: '10.0.0.2', to: '10.0.0.1', srcPort: 443, dstPort: 40_000 }],
])('another %s is another flow', (_title, change) => {
  isCanonical({});
  expect(isCanonical({ ...change, by: '192.0.2.2' })).toBe(true);
});

it('of 20,000 flows told by two exporters, hardly any is taken for another', () => {
  let marked = 0;
  for (const by of ['192.0.2.1', '192.0.2.2']) {
    for (let i = 0; i < 20_000; i++) {
      if (!isCanonical({ by, from: `10.${i >>> 14}.${(i >>> 7) & 127}.${i & 127}`, srcPort: 1024 + (i % 60_000) }))
        marked++;
    }
  }
  // Two flows at one of 262,144 places: 20,000² / 2 / 262,144 ≈ 760 pairs, which lose their mark and give none.
  expect(marked).toBeGreaterThan(18_400);
  expect(marked).toBeLessThanOrEqual(20_000);
});
