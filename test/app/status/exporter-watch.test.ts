import { describe, expect, it } from 'vitest';
import { createExporterWatch } from '../../../src/app/status/exporter-watch.ts';
import type { Layout, RecordHeader } from '../../../src/model/record.ts';

const nowMs = 1_700_000_000_000;
const header = (change: Partial<RecordHeader> = {}): RecordHeader => ({
  exporter: '192.0.2.1',
  domain: 1,
  setId: 256,
  receivedAtMs: nowMs,
  exportedAtMs: nowMs,
  sequence: 0,
  ...change,
});
const layout = (...names: string[]): Layout => ({
  id: names.join(),
  protocol: 'ipfix',
  kind: 'flow',
  columns: names.map((name) => ({ name, type: 'number' })),
});

describe('the watch of exporters', () => {
  it('takes the least delayed datagram of two minutes for the clock', () => {
    const watch = createExporterWatch();
    const skews = [-3000, 60_000, 59_000, 40_000];
    for (const [index, skewMs] of skews.entries()) {
      const receivedAtMs = nowMs + index * 1000;
      watch.see(header({ receivedAtMs, exportedAtMs: receivedAtMs + skewMs, domain: index }), layout(), []);
    }
    expect(watch.facts('192.0.2.1')).toMatchObject({ clockSkewMs: 60_000, domains: 4, lastSeenAtMs: nowMs + 3000 });
    // The clock was set right: two minutes later that counts.
    for (const minutes of [1, 2, 3]) {
      const receivedAtMs = nowMs + minutes * 60_000;
      watch.see(header({ receivedAtMs, exportedAtMs: receivedAtMs - 500 }), layout(), []);
    }
    expect(watch.facts('192.0.2.1')?.clockSkewMs).toBe(-500);
  });

  it.each([
    [layout('samplingInterval'), [100], { interval: 100, source: 'exporter' }],
    [layout('samplingInterval'), [0], { interval: undefined, source: 'none' }],
    [layout('samplingInterval', 'weir.samplingInterval'), [0, 512], { interval: 512, source: 'options' }],
    [layout('octetDeltaCount'), [7], { interval: undefined, source: 'none' }],
  ])('reads the sampling of %j', (columns, row, expected) => {
    const watch = createExporterWatch();
    watch.see(header(), columns, [row]);
    expect(watch.facts('192.0.2.1')?.sampling).toEqual(expected);
  });

  it('believes documents more: the pipeline file may say otherwise', () => {
    const watch = createExporterWatch();
    expect(watch.wantsDocument('192.0.2.1', nowMs)).toBe(true);
    watch.seeDocument('192.0.2.1', { sampling_interval: 1000, sampling_source: 'override' }, nowMs);
    expect(watch.wantsDocument('192.0.2.1', nowMs)).toBe(false);
    watch.see(header(), layout('samplingInterval'), [[100]]);
    expect(watch.facts('192.0.2.1')?.sampling).toEqual({ interval: 1000, source: 'override' });
    watch.seeDocument('192.0.2.1', { sampling_interval: 0 }, nowMs);
    expect(watch.facts('192.0.2.1')?.sampling).toEqual({ interval: undefined, source: 'none' });
  });

  it('knows a thousand, of its own or of others', () => {
    const watch = createExporterWatch();
    for (let number = 0; number < 2000; number += 1) {
      watch.see(header({ exporter: `10.0.${number >> 8}.${number & 255}` }), layout(), []);
      watch.adopt([{ address: `10.9.${number >> 8}.${number & 255}`, lastSeenAtMs: nowMs, domains: 1 }]);
    }
    expect(watch.all()).toHaveLength(1000);
    expect(watch.facts('10.9.0.1')).toBeDefined();
    expect(watch.facts('10.9.7.0')).toBeUndefined();
  });
});
