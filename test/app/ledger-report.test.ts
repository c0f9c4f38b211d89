import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeLedger } from '../../src/app/ledger-report.ts';
import { createLedgerFile } from '../../src/index/ledger-file.ts';

const nowMs = Date.UTC(2026, 10, 24, 12, 30, 10);
const at = { '@timestamp': '2026-11-24T12:10:00.000Z', pipeline: 'flow' };
const decoded = (count: number) => ({ records_exported: count, records_decoded: count, records_queued: count });
const toId = (row: number) => `page-${row.toString(36)}`;
const documents = [
  { ...at, exporter: '10.0.0.1', stage: 'listen', ...decoded(100), records_spooled: 40, sets_parked: 2 },
  { ...at, exporter: '10.0.0.1', stage: 'listen', faults: { 'template-missing': 2, 'set-malformed': 1 } },
  { ...at, exporter: '10.0.0.1', stage: 'work', documents_indexed: 60, documents_already_there: 10 },
  { ...at, exporter: '10.0.0.1', stage: 'work', records_dropped_by_steps: 20, dropped_by_step: { drop: 20 } },
  { ...at, exporter: '10.0.0.1', stage: 'work', documents_dead_lettered: 10 },
  { ...at, exporter: '2001:db8::1', stage: 'listen', ...decoded(7) },
  { ...at, exporter: '2001:db8::1', stage: 'work', documents_indexed: 7 },
  { ...at, exporter: 'others', stage: 'listen', ...decoded(5) },
  { ...at, exporter: 'others', stage: 'work', documents_indexed: 5 },
  { ...at, listen_address: 'udp://0.0.0.0:2055', stage: 'listen', datagrams_kernel_dropped: 3 },
  { ...at, '@timestamp': '2026-11-24T10:00:00.000Z', exporter: '10.0.0.9', stage: 'listen', ...decoded(1) },
  { ...at, pipeline: 'another', exporter: '10.0.0.8', stage: 'listen', ...decoded(1) },
];

describe('weir ledger', () => {
  let folder: string;
  let file: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-ledger-report-'));
    file = join(folder, 'pipeline.yml');
    const lines = documents.map((document, row) => `${JSON.stringify({ id: toId(row), ...document })}\n`);
    mkdirSync(join(folder, 'flows', 'ledger'), { recursive: true });
    // The page was cut off, and written again as a whole.
    const cut = `${lines.slice(0, 4).join('')}${lines[4]!.slice(0, 40)}\n`;
    writeFileSync(join(folder, 'flows', 'ledger', 'ledger-2026.11.ndjson'), `${cut}${lines.join('')}`);
    writeFileSync(join(folder, 'flows', 'ledger', 'ledger-2026.10.ndjson'), lines.join('').replaceAll('-11-', '-10-'));
    const folders = `index: { files: { directory: "${join(folder, 'flows')}" } }\nstate: "${folder}"`;
    writeFileSync(file, `name: flow\nlisten: [ "udp://127.0.0.1:2055" ]\nsteps: []\n${folders}\n`);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const read = (exporter?: readonly string[], since = '1h') =>
    describeLedger(file, { since, ...(exporter && { exporter }) }, nowMs);
  const namesIn = (text: string) =>
    text
      .split('\n\n')[0]!
      .split('\n')
      .slice(1)
      .map((line) => line.split(' ')[0]);

  it('has a row for each exporter of the last hour, and what happened beside, in the order in which a flow meets it', async () => {
    const text = await read();
    expect(namesIn(text)).toEqual(['10.0.0.1', '2001:db8::1', 'others']);
    expect(text.split('\n\n')[1]).toBe(
      [
        'not decodable, or parked: template-missing 2, set-malformed 1',
        'parked: 2 sets came before their template',
        'queued: 112 records, 40 of them by way of the spool',
        'dropped by steps: drop 20',
        'already there: 10 of those indexed, by an earlier attempt',
        'the kernel dropped 3 datagrams at udp://0.0.0.0:2055: they are in "lost" of whoever sent them',
        'It balances: what became of each of the 112 records decoded is known.',
        '',
      ].join('\n'),
    );
  });

  it.each([
    [['10.0.0.1'], ['10.0.0.1']],
    [['2001:DB8:0::1'], ['2001:db8::1']],
    [['::ffff:10.0.0.1'], ['10.0.0.1']],
    [['10.0.0.0/8'], ['10.0.0.1']],
    [
      ['others', '2001:db8::/32'],
      ['2001:db8::1', 'others'],
    ],
  ])('shows of --exporter %s only %s, however the address is written', async (exporter, names) => {
    const text = await read(exporter);
    expect(namesIn(text)).toEqual(names);
    expect(text).toContain('the kernel dropped 3 datagrams');
  });

  it('says what is wrong with an exporter that is none, or that it has nothing of', async () => {
    await expect(read(['router1'])).rejects.toMatchObject({ message: expect.stringContaining('expected an address') });
    await expect(read(['10.0.0.9'])).rejects.toMatchObject({
      message: 'the ledger has nothing of the exporter 10.0.0.9 since 1h',
    });
  });

  it('takes a time before all time for the beginning', async () => {
    const text = await read(undefined, '99999999d');
    expect(namesIn(text)).toContain('10.0.0.9');
    expect(text).toContain('queued: 226 records');
    await expect(read(['10.9.9.9'], '99999999d')).rejects.toThrow('nothing of the exporter');
  });

  it('writes files that others can read and only weir can write, whatever the umask', async () => {
    const directory = join(folder, 'written');
    const before = process.umask(0);
    try {
      const row = { minuteMs: nowMs, exporter: '10.0.0.1', stage: 'listen', process: 'x', counts: {} } as const;
      await createLedgerFile({ directory, pipeline: 'flow' }).write(
        { id: 'a', rows: [row] },
        AbortSignal.timeout(5000),
      );
    } finally {
      process.umask(before);
    }
    expect(statSync(join(directory, 'ledger', 'ledger-2026.11.ndjson')).mode & 0o777).toBe(0o644);
  });
});
