import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { countDecoded, countDropped, countFault, createLedger } from '../../src/telemetry/ledger.ts';
import { type Levels, measures } from '../../src/telemetry/measures.ts';
import { createMetrics } from '../../src/telemetry/metrics.ts';

const levels: Levels = {
  decoder: {
    exporters: 2,
    templates: 30,
    facts: 40,
    parkedSets: 5,
    signs: [],
    statistics: [
      { exporter: '192.0.2.1', domain: 7, process: 3, name: 'notSentPacketTotalCount', value: '9007199254740993' },
      { exporter: '203.0.113.9', domain: 7, process: 3, name: 'notSentPacketTotalCount', value: 1 },
    ],
  },
  spool: { records: 120, bytes: 4096 },
  queue: { waiting: 6, active: 7, records: 800, bytes: 9000, oldestAtMs: 990_000 },
  sink: { holdsDocuments: true },
  disk: { bytes: 20e9, bytesPerDay: 10e9, freeBytes: 100e9, fullInDays: 10 },
  dataFiles: [
    {
      step: 'geoip',
      path: '/data/a "city".mmdb',
      bytes: 123,
      modifiedAtMs: 400_000,
      version: 2,
      refusals: 1,
      isRefused: true,
    },
  ],
};

const options = {
  readLevels: async () => levels,
  version: '1.2.3',
  startedAtMs: 500_000,
  now: () => 1_000_000,
};

function linesOf(text: string, name: string): string[] {
  return text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
}

describe('the metrics', () => {
  it('are the numbers of the ledger, by exporter', async () => {
    const ledger = createLedger();
    ledger.kernelDrops = 11;
    const one = ledger.exporter('192.0.2.1');
    one.recordsLostInNetwork = 70;
    one.recordsFoundAgain = 30;
    one.documentsIndexed = 5;
    countDecoded(one, 'ipfix', 9);
    countDropped(one, 'drop', 2);
    countFault(one, 'template-missing');
    ledger.exporter('2001:db8::1').documentsIndexed = 6;
    const { body, contentType } = await createMetrics({ ...options, ledger }).toText('*/*');
    expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    const expected = {
      weir_collect_records_missed_total: ['{exporter="192.0.2.1"} 100', '{exporter="2001:db8::1"} 0'],
      weir_collect_records_found_total: ['{exporter="192.0.2.1"} 30', '{exporter="2001:db8::1"} 0'],
      weir_collect_kernel_datagrams_dropped_total: [' 11'],
      weir_decode_faults_counted_total: ['{exporter="192.0.2.1",code="template-missing"} 1'],
      weir_decode_records_decoded_total: ['{exporter="192.0.2.1",protocol="ipfix"} 9'],
      weir_decode_templates_known: [' 30'],
      weir_decode_exporter_statistic: [
        '{exporter="192.0.2.1",domain="7",process="3",element="notSentPacketTotalCount"} 9007199254740992',
      ],
      weir_enqueue_spool_records: [' 120'],
      weir_enqueue_spool_bytes: [' 4096'],
      weir_enqueue_batches_waiting: [' 6'],
      weir_enqueue_oldest_batch_age_seconds: [' 10'],
      weir_enrich_records_dropped_total: ['{exporter="192.0.2.1",step="drop"} 2'],
      weir_enrich_data_file_age_seconds: ['{step="geoip",file="/data/a \\"city\\".mmdb"} 600'],
      weir_enrich_data_file_refused: ['{step="geoip",file="/data/a \\"city\\".mmdb"} 1'],
      weir_index_documents_held: [' 1'],
      weir_index_stored_bytes: [' 20000000000'],
      weir_index_disk_free_bytes: [' 100000000000'],
      weir_index_disk_full_seconds: [' 864000'],
      weir_index_documents_indexed_total: ['{exporter="192.0.2.1"} 5', '{exporter="2001:db8::1"} 6'],
      weir_telemetry_build_info: ['{version="1.2.3"} 1'],
      process_start_time_seconds: [' 500'],
    };
    for (const [name, lines] of Object.entries(expected))
      expect(linesOf(body, name), name).toEqual(lines.map((line) => `${name}${line}`));
  });

  it('are read anew each time', async () => {
    const ledger = createLedger();
    const metrics = createMetrics({ ...options, ledger });
    const read = async () => linesOf((await metrics.toText('')).body, 'weir_collect_kernel_datagrams_dropped_total');
    ledger.kernelDrops = 1;
    expect(await read()).toEqual(['weir_collect_kernel_datagrams_dropped_total 1']);
    ledger.kernelDrops = 2;
    expect(await read()).toEqual(['weir_collect_kernel_datagrams_dropped_total 2']);
  });

  it('come as OpenMetrics where that is asked for: families without _total, and an end', async () => {
    const metrics = createMetrics({ ...options, ledger: createLedger() });
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5';
    for (let round = 0; round < 2; round += 1) {
      const { body, contentType } = await metrics.toText(accept);
      expect(contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
      expect(body).toContain('# TYPE weir_collect_kernel_datagrams_dropped counter\n');
      expect(body).toContain('\nweir_collect_kernel_datagrams_dropped_total 0\n');
      expect(body.endsWith('\n# EOF\n')).toBe(true);
      expect((await metrics.toText('text/plain')).body).toContain(
        '# TYPE weir_collect_kernel_datagrams_dropped_total counter\n',
      );
    }
  });

  it('have series for so many exporters and no more; the others are one, and nothing is missing in the sum', async () => {
    const ledger = createLedger();
    for (let host = 1; host <= 250; host += 1) ledger.exporter(`192.0.2.${host}`).documentsIndexed = host;
    const metrics = createMetrics({ ...options, ledger, maxExporters: 100 });
    const lines = linesOf((await metrics.toText('')).body, 'weir_index_documents_indexed_total');
    expect(lines).toHaveLength(101);
    expect(lines[99]).toBe('weir_index_documents_indexed_total{exporter="192.0.2.100"} 100');
    // 101 + 102 + … + 250
    expect(lines[100]).toBe('weir_index_documents_indexed_total{exporter="others"} 26325');
  });

  it('have names that say stage, noun and participle; counters end with _total, and only they', () => {
    for (const { name, type } of measures) {
      expect(name).toMatch(/^(weir_(collect|decode|enqueue|enrich|index|telemetry)|process)(_[a-z]+)+$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
    }
    expect(new Set(measures.map(({ name }) => name)).size).toBe(measures.length);
  });

  it('stand in docs/operations.md, each one, with their labels and meaning, in this order', () => {
    const text = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const rows = text
      .split('\n')
      .map((line) => /^\| `((?:weir|process)_[a-z_]+)(?:\{([a-z,]+)\})?` \| (.*?) \|/.exec(line))
      .filter((match) => match !== null)
      .map(([, name, labels = '', help]) => ({ name, labels, help }));
    expect(rows).toEqual(measures.map(({ name, labels, help }) => ({ name, labels: labels.join(','), help })));
  });
});
