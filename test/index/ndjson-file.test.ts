import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createNdjsonFile, type NdjsonFileOptions } from '../../src/index/ndjson-file.ts';
import type { Sink } from '../../src/index/sink.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { expectedTally, sinkContract, tally } from '../contracts/sink-contract.ts';
import { documentBatchOf, flowBatch, noonMs } from './document-batches.ts';
import { createFaultyFileSystem, type DiskFault } from './faulty-file-system.ts';

const never = new AbortController().signal;
let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weir-ndjson-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function sinkOf(options: Partial<NdjsonFileOptions> = {}): Sink {
  return createNdjsonFile({
    directory,
    logger: silentLogger,
    now: Date.now,
    backOff: { firstMs: 1, maxMs: 4 },
    ...options,
  });
}

async function started(options: Partial<NdjsonFileOptions> = {}): Promise<Sink> {
  const sink = sinkOf(options);
  await sink.start();
  return sink;
}

/** All lines of the finished files; a torn line fails. */
function readAll(folder = directory): unknown[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.ndjson'))
    .sort()
    .flatMap((name) => {
      const text = readFileSync(join(folder, name), 'utf8');
      expect(text.endsWith('\n')).toBe(true);
      return text
        .slice(0, -1)
        .split('\n')
        .map((line) => JSON.parse(line) as unknown);
    });
}

describe('the NDJSON sink keeps the contract', () => {
  sinkContract({
    async create() {
      const fileSystem = createFaultyFileSystem();
      return {
        sink: await started({ fileSystem }),
        hold: () => {
          fileSystem.isFull = true;
        },
        release: () => {
          fileSystem.isFull = false;
        },
        read: async () => readAll(),
      };
    },
  });
});

describe('files', () => {
  test('have a temporary name while they are written, and their own when weir stops', async () => {
    const sink = await started({ now: () => noonMs });
    expect(readdirSync(directory)).toEqual([]);
    await sink.write(documentBatchOf([{ a: 1 }, { a: 'ü' }]), never);
    expect(readdirSync(directory)).toEqual(['flows-2026.11.24-000001.ndjson.part']);
    expect(readFileSync(join(directory, 'flows-2026.11.24-000001.ndjson.part'), 'utf8')).toBe('{"a":1}\n{"a":"ü"}\n');
    await sink.stop();
    expect(readdirSync(directory)).toEqual(['flows-2026.11.24-000001.ndjson']);
    expect(readAll()).toEqual([{ a: 1 }, { a: 'ü' }]);
  });

  test('end with the UTC day', async () => {
    let nowMs = Date.UTC(2026, 10, 24, 23, 59, 59, 999);
    const sink = await started({ now: () => nowMs });
    await sink.write(flowBatch('old', 1), never);
    nowMs += 1;
    await sink.write(flowBatch('new', 1), never);
    expect(readdirSync(directory).sort()).toEqual([
      'flows-2026.11.24-000001.ndjson',
      'flows-2026.11.25-000001.ndjson.part',
    ]);
    await sink.stop();
  });

  test('end before the batch that would make them too large; a batch is never split', async () => {
    const sink = await started({ now: () => noonMs, maxFileBytes: 100 });
    const line = 'x'.repeat(37);
    // 40 bytes each with quotes and newline: two fit, a third does not; the last batch alone is larger than a file may be.
    for (const id of ['1', '2', '3']) await sink.write(documentBatchOf([JSON.stringify(line)], { batchId: id }), never);
    await sink.write(
      documentBatchOf(
        Array.from({ length: 5 }, () => ({ line })),
        { batchId: '4' },
      ),
      never,
    );
    await sink.stop();
    const lines = readdirSync(directory)
      .sort()
      .map((name) => [name, readFileSync(join(directory, name), 'utf8').split('\n').length - 1]);
    expect(lines).toEqual([
      ['flows-2026.11.24-000001.ndjson', 2],
      ['flows-2026.11.24-000002.ndjson', 1],
      ['flows-2026.11.24-000003.ndjson', 5],
    ]);
  });

  test('take numbers that are free', async () => {
    writeFileSync(join(directory, 'flows-2026.11.24-000007.ndjson'), '{}\n');
    writeFileSync(join(directory, 'flows-2026.11.23-000044.ndjson'), '{}\n');
    writeFileSync(join(directory, 'notes.txt'), '');
    const sink = await started({ now: () => noonMs });
    await sink.write(flowBatch('b', 1), never);
    expect(readdirSync(directory)).toContain('flows-2026.11.24-000008.ndjson.part');
    await sink.stop();
  });

  test('never replace a file that somebody put in their place', async () => {
    const sink = await started({ now: () => noonMs });
    await sink.write(flowBatch('b', 1), never);
    writeFileSync(
      join(directory, 'flows-2026.11.24-000001.ndjson'),
      '{"flow":{"application":"foreign","src_port":0}}\n',
    );
    await sink.stop();
    expect(tally(readAll())).toEqual(
      expectedTally([
        ['b', 1],
        ['foreign', 1],
      ]),
    );
  });

  test('of two sinks in one folder are two files', async () => {
    const sinks = await Promise.all([started(), started(), started()]);
    const ids = Array.from({ length: 12 }, (_, index) => `b${index}`);
    await Promise.all(ids.map((id, index) => sinks[index % 3]!.write(flowBatch(id, 40), never)));
    expect(readdirSync(directory).filter((name) => name.endsWith('.part'))).toHaveLength(3);
    await Promise.all(sinks.map((sink) => sink.stop()));
    expect(tally(readAll())).toEqual(expectedTally(ids.map((id) => [id, 40])));
  });

  test.each([
    ['removed', (part: string) => rmSync(part)],
    ['renamed', (part: string) => renameSync(part, join(directory, 'taken.ndjson'))],
    ['removed with its folder', () => rmSync(directory, { recursive: true })],
  ])('that are %s while they are written are followed by new ones', async (_, harm) => {
    const sink = await started({ now: () => noonMs });
    await sink.write(flowBatch('first', 2), never);
    harm(join(directory, 'flows-2026.11.24-000001.ndjson.part'));
    await sink.write(flowBatch('second', 2), never);
    await sink.stop();
    const there = tally(readAll());
    expect(there.get('second/0')).toBe(1);
    expect(there.get('second/1')).toBe(1);
  });
});

describe('after a crash', () => {
  const part = 'flows-2026.11.23-000001.ndjson.part';
  const old = noonMs / 1000 - 3600;

  function leave(content: string): void {
    writeFileSync(join(directory, part), content);
    utimesSync(join(directory, part), old, old);
  }

  test('an unfinished file is cut to its last whole line and gets its name', async () => {
    leave(`{"a":1}\n{"a":2}\n{"a":"${'x'.repeat(200_000)}`);
    const sink = await started({ now: () => noonMs });
    expect(readdirSync(directory)).toEqual(['flows-2026.11.23-000001.ndjson']);
    expect(readAll()).toEqual([{ a: 1 }, { a: 2 }]);
    await sink.stop();
  });

  test.each([
    ['an empty file', ''],
    ['a file without a whole line', '{"a":'],
  ])('%s is removed', async (_, content) => {
    leave(content);
    const sink = await started({ now: () => noonMs });
    expect(readdirSync(directory)).toEqual([]);
    await sink.stop();
  });

  test('a file that another process writes is left alone', async () => {
    const other = await started();
    await other.write(flowBatch('other', 3), never);
    const sink = await started();
    expect(readdirSync(directory)).toEqual([expect.stringMatching(/part$/)]);
    await sink.stop();
    await other.write(flowBatch('other 2', 3), never);
    await other.stop();
    expect(tally(readAll())).toEqual(
      expectedTally([
        ['other', 3],
        ['other 2', 3],
      ]),
    );
  });

  test('of a real process, killed while it writes, every batch that it answered for is there once', async () => {
    const script = fileURLToPath(new URL('write-until-killed.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', script, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      // In the midst of some later batch.
      if (output.split('\n').length > 12) child.kill('SIGKILL');
    });
    await ended;
    const answered = output.split('\n').length - 1;
    expect(readdirSync(directory).filter((name) => name.endsWith('.part'))).toHaveLength(1);
    await (await started({ now: () => Date.now() + 120_000 })).stop();
    const there = tally(readAll());
    expect(Math.max(...there.values())).toBe(1);
    for (const [key] of expectedTally(Array.from({ length: answered }, (_, n) => [`b${n}`, 500])))
      expect(there.has(key)).toBe(true);
  });

  test('whatever byte the file was cut at, its whole lines are kept', async () => {
    const { bytes } = flowBatch('cut', 3);
    for (const length of [1, 700, bytes.length - 1, bytes.length]) {
      leave(bytes.toString());
      truncateSync(join(directory, part), length);
      utimesSync(join(directory, part), old, old);
      await (await started({ now: () => noonMs })).stop();
      const whole = bytes.subarray(0, length).toString().split('\n').length - 1;
      expect(tally(readAll())).toEqual(expectedTally([['cut', whole]]));
      rmSync(join(directory, 'flows-2026.11.23-000001.ndjson'), { force: true });
    }
  });
});

describe('without any flow', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('the file of yesterday is finished soon after midnight', async () => {
    let nowMs = noonMs;
    const sink = await started({ now: () => nowMs });
    await sink.write(flowBatch('b', 1), never);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(readdirSync(directory)).toEqual(['flows-2026.11.24-000001.ndjson.part']);
    nowMs += 86_400_000;
    await vi.advanceTimersByTimeAsync(10_000);
    await expect.poll(() => readdirSync(directory)).toEqual(['flows-2026.11.24-000001.ndjson']);
    await sink.stop();
  });

  test('the file of a process that crashed a moment ago is recovered within about a minute', async () => {
    writeFileSync(join(directory, 'flows-2026.11.24-000001.ndjson.part'), '{"a":1}\n{"a"');
    let nowMs = Date.now();
    const sink = await started({ now: () => nowMs });
    expect(readdirSync(directory)).toEqual(['flows-2026.11.24-000001.ndjson.part']);
    nowMs += 61_000;
    await vi.advanceTimersByTimeAsync(10_000);
    await expect.poll(() => readdirSync(directory)).toEqual(['flows-2026.11.24-000001.ndjson']);
    expect(readAll()).toEqual([{ a: 1 }]);
    await sink.stop();
  });

  test('a file is touched, so that no other process takes it', async () => {
    let nowMs = Date.now();
    const now = (): number => nowMs;
    const sink = await started({ now });
    await sink.write(flowBatch('mine', 1), never);
    for (let minutes = 0; minutes < 3; minutes += 1) {
      nowMs += 60_000;
      await vi.advanceTimersByTimeAsync(10_000);
      await expect
        .poll(() => statSync(join(directory, readdirSync(directory)[0] ?? '')).mtimeMs)
        .toBeCloseTo(nowMs, -1);
    }
    const other = await started({ now });
    await sink.write(flowBatch('mine 2', 1), never);
    await Promise.all([sink.stop(), other.stop()]);
    expect(readdirSync(directory)).toHaveLength(1);
    expect(tally(readAll())).toEqual(
      expectedTally([
        ['mine', 1],
        ['mine 2', 1],
      ]),
    );
  });
});

describe('a folder', () => {
  test('is made', async () => {
    directory = join(directory, 'deep', 'flows');
    const sink = await started();
    await sink.write(flowBatch('b', 1), never);
    await sink.stop();
    expect(readAll()).toHaveLength(1);
  });

  test('that can not be made is refused with what to do', async () => {
    writeFileSync(join(directory, 'file'), '');
    directory = join(directory, 'file', 'flows');
    await expect(sinkOf().start()).rejects.toMatchObject({
      code: 'folder-unwritable',
      message: expect.stringContaining(directory),
      hint: expect.stringMatching(/./),
      retryable: false,
    });
    directory = join(directory, '..', '..');
  });

  test('where nothing may be written is refused', async () => {
    // /proc is read-only for everybody, root included.
    const sink = createNdjsonFile({ directory: '/proc/weir', logger: silentLogger, now: Date.now });
    await expect(sink.start()).rejects.toMatchObject({ code: 'folder-unwritable' });
  });
});

describe('a disk with faults', () => {
  const fault = fc.constantFrom<DiskFault>(
    'short write',
    'full in the write',
    'full before the write',
    'sync fails',
    'truncate fails',
    'open fails',
    'rename fails',
    'folder sync fails',
  );

  test('loses nothing, doubles nothing and tears no line', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ size: fc.integer({ min: 1, max: 5 }), faults: fc.array(fault, { maxLength: 4 }) }), {
          minLength: 1,
          maxLength: 12,
        }),
        async (batches) => {
          const folder = mkdtempSync(join(directory, 'run-'));
          const fileSystem = createFaultyFileSystem();
          const sink = await started({ directory: folder, fileSystem, maxFileBytes: 9000 });
          for (const [index, { size, faults }] of batches.entries()) {
            // Faults that no operation of this batch met are forgotten: the next batch has its own.
            fileSystem.faults.splice(0, fileSystem.faults.length, ...faults);
            expect(await sink.write(flowBatch(`b${index}`, size), never)).toEqual({ alreadyThere: [], refused: [] });
          }
          fileSystem.faults.length = 0;
          await sink.stop();
          expect(readdirSync(folder).filter((name) => !name.endsWith('.ndjson'))).toEqual([]);
          expect(tally(readAll(folder))).toEqual(expectedTally(batches.map(({ size }, index) => [`b${index}`, size])));
        },
      ),
      { numRuns: 60 },
    );
  });

  test('that fails when weir stops leaves a file that the next start recovers', async () => {
    const fileSystem = createFaultyFileSystem();
    const sink = await started({ fileSystem });
    await sink.write(flowBatch('b', 4), never);
    fileSystem.faults.push('rename fails');
    await sink.stop();
    expect(readdirSync(directory)).toEqual([expect.stringMatching(/part$/)]);
    await (await started({ now: () => Date.now() + 120_000 })).stop();
    expect(tally(readAll())).toEqual(expectedTally([['b', 4]]));
  });

  test('names its trouble', async () => {
    const fileSystem = createFaultyFileSystem();
    const sink = await started({ fileSystem });
    fileSystem.isFull = true;
    const stopping = new AbortController();
    const writing = sink.write(flowBatch('b', 1), stopping.signal);
    await expect.poll(() => sink.trouble()).toBe(`${directory} takes no documents for 0 s: the disk is full (ENOSPC)`);
    stopping.abort();
    await expect(writing).rejects.toMatchObject({ code: 'stopped' });
    await sink.stop();
    expect(readdirSync(directory)).toEqual([]);
  });
});

/** Only root may mount; where nobody may (a plain user, a container), the faults above are the test. */
function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'weir-mount-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'weir-test', folder]);
  if (status === 0) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true, force: true });
  return status === 0;
}

describe.skipIf(!canMount())('a disk that is really full', () => {
  let disk = '';
  beforeEach(() => {
    disk = join(directory, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'weir-test', disk]);
  });
  afterEach(() => {
    execFileSync('umount', [disk]);
  });

  test('holds the batch until there is room, and then it is there whole and once', async () => {
    const flows = join(disk, 'flows');
    const sink = await started({ directory: flows });
    await sink.write(flowBatch('fits', 100), never);
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(200_000));
    const writing = sink.write(flowBatch('waits', 150), never);
    await expect.poll(() => sink.trouble()).toMatch(/the disk is full \(ENOSPC\)/);
    // What could be written of it is cut off again: other programs are not left without a byte.
    rmSync(join(disk, 'ballast'));
    expect(await writing).toEqual({ alreadyThere: [], refused: [] });
    expect(sink.trouble()).toBeUndefined();
    await sink.stop();
    expect(tally(readAll(flows))).toEqual(
      expectedTally([
        ['fits', 100],
        ['waits', 150],
      ]),
    );
  });
});
