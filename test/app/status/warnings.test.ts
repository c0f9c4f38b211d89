import { describe, expect, it } from 'vitest';
import { lossPlaces, networkLossPlaces } from '../../../src/app/losses.ts';
import type { StatusReport } from '../../../src/app/status/status-report.ts';
import { toWarnings } from '../../../src/app/status/warnings.ts';

const nowMs = 1_700_000_000_000;
const dayMs = 86_400_000;

const good: Omit<StatusReport, 'warnings'> = {
  format: 1,
  atMs: nowMs,
  weir: {
    version: '1.2.3',
    pipeline: 'flow',
    pipelineFile: 'flow.yml',
    part: 'run',
    host: 'host',
    processId: 1,
    startedAtMs: nowMs - 3_600_000,
    node: 'v20.0.0',
    residentBytes: 1,
    cpuShare: 0,
  },
  listening: ['udp://0.0.0.0:2055'],
  rates: { datagrams: 1, bits: 1, records: 1, documents: 1 },
  losses: [...networkLossPlaces, ...lossPlaces].map(({ key, what, unit }, index) => ({
    place: key,
    what,
    unit,
    isInNetwork: index < networkLossPlaces.length,
    lastHour: 0,
    sinceStart: 5,
  })),
  exporters: [
    {
      address: '192.0.2.1',
      protocols: ['ipfix'],
      lastSeenAtMs: nowMs,
      rates: { datagrams: 1, bits: 1, records: 1 },
      recordsByMinute: [],
      sinceStart: { datagrams: 1, records: 1, documents: 1 },
      loss: { unit: 'records', lastHour: 0, sinceStart: 0, shareOfLastHour: 0, isKnown: true },
      faults: {},
    },
  ],
  exportersKnown: 1,
  stages: [],
  queue: { waiting: 0, active: 0, records: 0, bytes: 10, maxBytes: 100 },
  spool: { records: 0, bytes: 0, maxBytes: 100 },
  index: { target: 'http://es:9200', trouble: undefined },
  disk: { bytes: 1, bytesPerDay: 1, freeBytes: 1, fullInDays: 30 },
  dataFiles: [
    {
      step: 'geoip',
      path: '/a.mmdb',
      bytes: 1,
      modifiedAtMs: nowMs - dayMs,
      version: 0,
      refusals: 0,
      isRefused: false,
    },
  ],
};

const ids = (change: Partial<StatusReport>) =>
  toWarnings({ ...good, ...change }).map(({ id, severity }) => `${severity} ${id}`);

describe('the warnings of the status page', () => {
  it('are none while all is well', () => {
    expect(toWarnings(good)).toEqual([]);
  });

  it.each<[string, Partial<StatusReport>]>([
    [
      'error cluster-red',
      { index: { target: 'http://es:9200', trouble: undefined, health: { colour: 'red', unassignedShards: 2 } } },
    ],
    ['error index-trouble', { index: { target: 'http://es:9200', trouble: 'Elasticsearch away for 12 s' } }],
    ['error dead-letters-lost', { index: { target: 'http://es:9200', trouble: undefined, deadLettersLost: 1 } }],
    ['error queue-away', { queueIsAway: true }],
    ['error queue-filling', { queue: { waiting: 1, active: 0, records: 1, bytes: 80, maxBytes: 100 } }],
    [
      'warning queue-late',
      { queue: { waiting: 1, active: 0, records: 1, bytes: 8, maxBytes: 100, oldestAtMs: nowMs - 120_000 } },
    ],
    ['warning spool-used', { spool: { records: 1, bytes: 1, maxBytes: 100 } }],
    ['error spool-used', { spool: { records: 1, bytes: 90, maxBytes: 100 } }],
    ['warning disk-full-soon', { disk: { bytes: 1, bytesPerDay: 1, freeBytes: 1, fullInDays: 9.5 } }],
    ['error disk-full-soon', { disk: { bytes: 1, bytesPerDay: 1, freeBytes: 1, fullInDays: 0.5 } }],
    [
      'error workers-away',
      { workers: [{ number: 1, isReady: false, restarts: 1, unsettledBytes: 0, cpuSeconds: 0, residentBytes: 0 }] },
    ],
    ['warning data-file-refused', { dataFiles: [{ ...good.dataFiles[0]!, isRefused: true }] }],
    ['warning database-old', { dataFiles: [{ ...good.dataFiles[0]!, modifiedAtMs: nowMs - 100 * dayMs }] }],
    ['warning nothing-comes', { exportersKnown: 0, exporters: [] }],
  ])('say %s', (expected, change) => {
    expect(ids(change)).toEqual([expected]);
  });

  it('name each place where something was lost in the last hour, with a fix; what was lost before is no warning', () => {
    for (const { key } of lossPlaces) {
      const losses = good.losses.map((loss) => ({ ...loss, lastHour: loss.place === key ? 1234 : 0 }));
      const [warning, ...others] = toWarnings({ ...good, losses });
      expect(others, key).toEqual([]);
      expect(warning, key).toMatchObject({ id: `lost-${key}`, title: expect.stringContaining('1,234') });
      expect(warning?.fix.length, key).toBeGreaterThan(0);
    }
  });

  it('name the exporters of whom much is lost on the way, five at most, and errors stand first', () => {
    const exporters = Array.from({ length: 8 }, (_, number) => ({
      ...good.exporters[0]!,
      address: `192.0.2.${number}`,
      loss: { unit: 'records' as const, lastHour: 1, sinceStart: 1, shareOfLastHour: number / 100, isKnown: true },
    }));
    const found = toWarnings({ ...good, exporters, queueIsAway: true });
    expect(found.map(({ exporter }) => exporter)).toEqual([undefined, ...[7, 6, 5, 4, 3].map((n) => `192.0.2.${n}`)]);
    expect(found.at(-1)?.title).toContain('and of 2 others');
  });
});
