import { describe, expect, it } from 'vitest';
import { createExporterSeries } from '../../../src/app/status/exporter-series.ts';
import { countDecoded, createLedger, otherExporters } from '../../../src/telemetry/ledger.ts';

const minuteMs = 60_000;
const startMs = 1_700_000_040_000 - (1_700_000_040_000 % minuteMs);

describe('the series of exporters', () => {
  it('tell rates of the last half minute, and flows minute by minute', () => {
    const ledger = createLedger();
    const series = createExporterSeries(ledger, startMs);
    const counts = ledger.exporter('192.0.2.1');
    for (let tick = 1; tick <= 18; tick += 1) {
      counts.datagramsReceived += 100;
      counts.bytesReceived += 1000;
      countDecoded(counts, 'ipfix', 10 * Math.ceil(tick / 6));
      series.sample(startMs + tick * 10_000);
    }
    const nowMs = startMs + 180_000;
    expect(series.of('192.0.2.1', nowMs)).toEqual({
      rates: { datagrams: 10, bits: 800, records: 3 },
      recordsByMinute: [60, 120, 180, 0],
      unit: 'records',
      lostInLastHour: 0,
      receivedInLastHour: 360,
      lastChangeAtMs: nowMs,
    });
    series.sample(nowMs + 10_000);
    expect(series.of('192.0.2.1', nowMs + 10_000)?.lastChangeAtMs).toBe(nowMs);
  });

  it('forget what was lost an hour ago, and count what was found again', () => {
    const ledger = createLedger();
    const series = createExporterSeries(ledger, startMs);
    const counts = ledger.exporter('192.0.2.1');
    countDecoded(counts, 'netflow9', 1);
    counts.datagramsReceived = 50;
    counts.datagramsLostInNetwork = 50;
    series.sample(startMs + 10_000);
    expect(series.of('192.0.2.1', startMs + 10_000)).toMatchObject({
      unit: 'datagrams',
      lostInLastHour: 50,
      receivedInLastHour: 50,
    });
    for (let tick = 2; tick <= 400; tick += 1) series.sample(startMs + tick * 10_000);
    expect(series.of('192.0.2.1', startMs + 4_000_000)).toMatchObject({ lostInLastHour: 0, receivedInLastHour: 0 });
    counts.datagramsLostInNetwork = 20;
    expect(series.of('192.0.2.1', startMs + 4_000_000)?.lostInLastHour).toBe(0);
    expect(series.of('192.0.2.1', startMs + 4_000_000)?.recordsByMinute).toHaveLength(61);
  });

  it('are of the first thousand, however many addresses are forged', () => {
    const ledger = createLedger({ maxExporters: 3000 });
    const series = createExporterSeries(ledger, startMs);
    for (let number = 0; number < 5000; number += 1)
      ledger.exporter(`10.0.${number >> 8}.${number & 255}`).datagramsReceived = 1;
    series.sample(startMs + 10_000);
    const shown = series.shown(startMs + 10_000);
    expect([shown.length, shown[0], shown.includes(otherExporters)]).toEqual([1000, '10.0.0.0', false]);
    expect(series.of('10.0.10.0', startMs + 10_000)).toBeUndefined();
  });
});
