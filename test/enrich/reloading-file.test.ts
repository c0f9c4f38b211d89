import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { createDocumentLane, createPipeline } from '../../src/enrich/pipeline.ts';
import { openReloadingFile } from '../../src/enrich/reloading-file.ts';
import { geoipStep } from '../../src/enrich/steps/geoip.ts';
import { toTestBatch } from '../../src/enrich/test-record.ts';
import { readWholeFile } from '../../src/enrich/whole-file.ts';
import { createLogger, silentLogger } from '../../src/telemetry/logger.ts';
import { waitUntil } from '../end-to-end/weir-process.ts';
import { mountainView, writeDatabase } from './city-database.ts';

const folder = mkdtempSync(join(tmpdir(), 'weir-reloading-'));
afterAll(() => rmSync(folder, { recursive: true }));
const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const everyMs = 10;

/** Takes texts that begin with "good". */
async function open(name: string, text: string) {
  const path = join(folder, name);
  writeFileSync(path, text);
  const lines: string[] = [];
  const file = await openReloadingFile({
    name: 'lookup',
    paths: [path],
    async open() {
      const read = await readFile(path, 'utf8');
      if (!read.startsWith('good')) throw new Error('it is no good');
      return read;
    },
    logger: createLogger({ level: 'info', write: (line) => lines.push(line) }),
    everyMs,
  });
  closers.push(file.stop);
  return { path, file, log: () => lines.join('') };
}

test('a changed file takes the place of the old one', async () => {
  const { path, file, log } = await open('changed', 'good 1');
  expect([file.current, file.version]).toEqual(['good 1', 0]);
  writeFileSync(path, 'good, and longer');
  await waitUntil(() => file.version === 1, 10_000, 'reload');
  expect(file.current).toBe('good, and longer');
  expect(file.files).toMatchObject([{ path, bytes: 16 }]);
  expect(log()).toContain('the new one is in use');
});

test('a file of the same size that is renamed into place is noticed', async () => {
  const { path, file } = await open('renamed', 'good 1');
  writeFileSync(`${path}.new`, 'good 2');
  renameSync(`${path}.new`, path);
  await waitUntil(() => file.version === 1, 10_000, 'reload');
  expect(file.current).toBe('good 2');
});

test('a bad file and a missing one are refused, once each, until a good one comes', async () => {
  const { path, file, log } = await open('bad', 'good 1');
  const refusals = () => log().split('refused').length - 1;
  writeFileSync(path, 'bad');
  await waitUntil(() => refusals() === 1, 10_000, 'refusal');
  rmSync(path);
  await waitUntil(() => refusals() === 2, 10_000, 'refusal');
  await new Promise((resolve) => setTimeout(resolve, 10 * everyMs));
  expect(refusals()).toBe(2);
  expect([file.current, file.version]).toEqual(['good 1', 0]);
  writeFileSync(path, 'good 3');
  await waitUntil(() => file.version === 1, 10_000, 'reload');
  expect(file.current).toBe('good 3');
});

test('a file that becomes readable is taken, though nothing else of it changes', async () => {
  const path = join(folder, 'readable');
  writeFileSync(path, 'good 1');
  let isReadable = true;
  const file = await openReloadingFile({
    name: 'lookup',
    paths: [path],
    open: async () => {
      // Root, whom tests may run as, reads everything.
      if (!isReadable) throw new Error('EACCES');
      return readFile(path, 'utf8');
    },
    logger: silentLogger,
    everyMs,
  });
  closers.push(file.stop);
  isReadable = false;
  writeFileSync(path, 'good 22');
  await waitUntil(() => file.refusals === 1, 10_000, 'refusal');
  isReadable = true;
  chmodSync(path, 0o600);
  await waitUntil(() => file.current === 'good 22', 10_000, 'reload');
  expect(file.isRefused).toBe(false);
});

test('a file that is replaced all the time is read now and then', async () => {
  const { path, file } = await open('restless', 'good 0');
  let count = 0;
  const replace = () => {
    count += 1;
    writeFileSync(`${path}.new`, `good ${count}`);
    renameSync(`${path}.new`, path);
  };
  const timer = setInterval(replace, 1);
  closers.push(() => clearInterval(timer));
  await waitUntil(() => file.version >= 2, 10_000, 'two reloads');
  clearInterval(timer);
  await waitUntil(() => file.current === `good ${count}`, 10_000, 'the last one');
  expect(file.refusals).toBe(0);
});

test('what is opened while it stops is not taken', async () => {
  const path = join(folder, 'slow');
  writeFileSync(path, 'good 1');
  let go: (() => void) | undefined;
  let opens = 0;
  const file = await openReloadingFile({
    name: 'lookup',
    paths: [path],
    open: async () => {
      opens += 1;
      if (opens > 1) {
        await new Promise<void>((resolve) => {
          go = resolve;
        });
      }
      return opens;
    },
    logger: silentLogger,
    everyMs,
  });
  writeFileSync(path, 'good 22');
  await waitUntil(() => go !== undefined, 10_000, 'reload');
  file.stop();
  go?.();
  await new Promise((resolve) => setTimeout(resolve, 5 * everyMs));
  expect([file.current, file.version]).toEqual([1, 0]);
});

test.each([
  ['a folder', (path: string) => mkdirSync(path)],
  ['a pipe', (path: string) => execFileSync('mkfifo', [path])],
])('%s in the place of a file is told at once', async (_, make) => {
  const path = join(folder, `strange-${_}`);
  make(path);
  expect(await readWholeFile(path, 1000)).toBe('is no file');
});

test('what is written to while it is read is told, and is read when that is over', async () => {
  const path = join(folder, 'growing');
  writeFileSync(path, 'x'.repeat(100));
  expect(await readWholeFile(path, 99)).toBe('is too large');
  let isWriting = true;
  const writing = (async () => {
    while (isWriting) {
      appendFileSync(path, 'x');
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const found = await readWholeFile(path, 1e6);
  isWriting = false;
  await writing;
  // Between two writes it may have been whole.
  expect(typeof found === 'string' ? found : found.toString().replaceAll('x', '')).toMatch(
    /^(?:is being written to)?$/,
  );
  expect(String(await readWholeFile(path, 1e6))).toMatch(/^x{100,}$/);
});

test('after stop nothing changes any more', async () => {
  const { path, file } = await open('stopped', 'good 1');
  file.stop();
  writeFileSync(path, 'good, and longer');
  await new Promise((resolve) => setTimeout(resolve, 10 * everyMs));
  expect(file.current).toBe('good 1');
});

test('what is missing at the start is an error', async () => {
  await expect(
    openReloadingFile({
      name: 'lookup',
      paths: [join(folder, 'nowhere')],
      open: () => readFile(join(folder, 'nowhere')),
      logger: silentLogger,
    }),
  ).rejects.toThrow('ENOENT');
});

test('addresses that were described by the old city database are described anew by the new one', async () => {
  const path = join(folder, 'city.mmdb');
  const write = (to: string, en: string) =>
    writeDatabase(to, 'Test-City', [['8.8.8.0/24', { ...mountainView, city: { names: { en } } }]]);
  await write(path, 'Old Town');
  const step = await geoipStep.create({ database: [path] }, { folder, logger: silentLogger });
  closers.push(() => step.close?.());
  const pipeline = createPipeline({ steps: [{ name: 'geoip', step }] });
  const lane = createDocumentLane();
  const batch = toTestBatch(
    { protocol: 'ipfix', exporter: '10.0.0.1', fields: { destinationIPv4Address: '8.8.8.8' } },
    [],
  );
  const city = () => {
    const { bytes, ends } = pipeline.toDocuments(batch, lane);
    return JSON.parse(bytes.toString('utf8', 0, ends[0])).flow.dst_city;
  };
  expect(city()).toBe('Old Town');
  await write(`${path}.new`, 'New Town');
  renameSync(`${path}.new`, path);
  await waitUntil(() => city() === 'New Town', 30_000, 'new database');
}, 40_000);
