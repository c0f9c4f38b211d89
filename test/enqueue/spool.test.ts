import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createSpool, type Spool, type SpoolOptions } from '../../src/enqueue/spool.ts';
import type { SpoolLoss } from '../../src/enqueue/spool-stock.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'weir-spool-'));
});
afterAll(() => rm(root, { recursive: true }));

let folders = 0;
const newFolder = (): string => join(root, `${folders++}`);

function spoolIn(directory: string, more: Partial<SpoolOptions> = {}): { spool: Spool; losses: SpoolLoss[] } {
  const losses: SpoolLoss[] = [];
  const spool = createSpool({
    directory,
    maxBytes: 1e6,
    segmentBytes: 1e5,
    sync: 'never',
    logger: silentLogger,
    now: Date.now,
    onLost: (loss) => losses.push(loss),
    ...more,
  });
  return { spool, losses };
}

const batch = (name: string, bytes = 10): Buffer => Buffer.from(name.padEnd(bytes, '.'));
const of = (exporter: string, records: number) => ({ [exporter]: records });

async function readAll(spool: Spool): Promise<string[]> {
  const names: string[] = [];
  for (let head = await spool.head(); head !== undefined; head = await spool.head()) {
    names.push(head.payload.toString().replace(/\.+$/, ''));
    head.remove();
  }
  return names;
}

/** Every segment file below, oldest first. */
function segmentsIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.spool'))
    .sort((a, b) => (a.slice(a.lastIndexOf('/')) < b.slice(b.lastIndexOf('/')) ? -1 : 1))
    .map((name) => join(directory, name));
}

/** What all open files have in common. */
async function probe(): Promise<FileHandle> {
  const file = await open(newFolder(), 'w');
  await file.close();
  return file;
}

/** As a kill leaves it: in another process that ends without `stop`. */
async function appendAndDie(directory: string, names: readonly string[]): Promise<void> {
  const script = `
    import { createSpool } from ${JSON.stringify(new URL('../../src/enqueue/spool.ts', import.meta.url).href)};
    import { pino } from 'pino';
    const spool = createSpool({ directory: ${JSON.stringify(directory)}, maxBytes: 1e6, segmentBytes: 1e5, sync: 'never',
      logger: pino({ level: 'silent' }), now: Date.now, onLost() {} });
    await spool.start();
    for (const name of ${JSON.stringify(names)}) await spool.append(Buffer.from(name), { '192.0.2.1': 2 });
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { stdio: 'inherit' });
  const signal = await new Promise((resolve) => child.on('exit', (_code, ended) => resolve(ended)));
  expect(signal).toBe('SIGKILL');
}

describe('a spool', () => {
  test('gives batches in the order they came, each once, while more come', async () => {
    const { spool } = spoolIn(newFolder(), { segmentBytes: 200 });
    await spool.start();
    const seen: string[] = [];
    for (let index = 0; index < 60; index += 1) {
      expect(await spool.append(batch(`b${index}`, 50), of('192.0.2.1', 1))).toBe(true);
      if (index % 3 === 0) {
        const head = await spool.head();
        seen.push(head!.payload.toString().replace(/\.+$/, ''));
        head!.remove();
      }
    }
    seen.push(...(await readAll(spool)));
    expect(seen).toEqual(Array.from({ length: 60 }, (_, index) => `b${index}`));
    expect(spool.depth()).toMatchObject({ batches: 0, records: 0 });
    await spool.stop();
  });

  test('gives the same batch until it is removed', async () => {
    const { spool } = spoolIn(newFolder());
    await spool.start();
    await spool.append(batch('a'), of('192.0.2.1', 1));
    await spool.append(batch('b'), of('192.0.2.1', 1));
    expect((await spool.head())!.payload).toEqual(batch('a'));
    expect((await spool.head())!.payload).toEqual(batch('a'));
    await spool.stop();
  });

  test('keeps nothing on disk once it is empty and stopped', async () => {
    const directory = newFolder();
    const { spool } = spoolIn(directory, { segmentBytes: 100 });
    await spool.start();
    for (const name of ['a', 'b', 'c']) await spool.append(batch(name, 60), of('192.0.2.1', 1));
    await readAll(spool);
    await spool.stop();
    expect(readdirSync(directory)).toEqual([]);
  });

  test('knows how much it holds', async () => {
    const { spool } = spoolIn(newFolder());
    await spool.start();
    await spool.append(batch('a'), { '192.0.2.1': 3, '2001:db8::1': 4 });
    await spool.append(batch('b'), of('192.0.2.1', 5));
    expect(spool.depth()).toMatchObject({ batches: 2, records: 12 });
    (await spool.head())!.remove();
    expect(spool.depth()).toMatchObject({ batches: 1, records: 5 });
    await spool.stop();
  });

  test('a full one drops its oldest batches and says how many records of whom', async () => {
    const { spool, losses } = spoolIn(newFolder(), { maxBytes: 10_000, segmentBytes: 1000 });
    await spool.start();
    for (let index = 0; index < 30; index += 1)
      expect(await spool.append(batch(`b${index}`, 900), of(`192.0.2.${index}`, index + 1))).toBe(true);
    expect(spool.depth().bytes).toBeLessThanOrEqual(10_000);
    const kept = await readAll(spool);
    expect(kept.at(-1)).toBe('b29');
    const lost = Object.assign({}, ...losses.map(({ records }) => records)) as Record<string, number>;
    expect(losses.every(({ reason }) => reason === 'dropped')).toBe(true);
    const first = 30 - kept.length;
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => `b${first + index}`));
    expect(lost).toEqual(
      Object.fromEntries(Array.from({ length: first }, (_, index) => [`192.0.2.${index}`, index + 1])),
    );
    await spool.stop();
  });

  test('a batch in the reader’s hands is not counted as dropped with its file', async () => {
    const { spool, losses } = spoolIn(newFolder(), { maxBytes: 3000, segmentBytes: 1000 });
    await spool.start();
    await spool.append(batch('held', 900), of('192.0.2.1', 7));
    const head = await spool.head();
    for (let index = 0; index < 10; index += 1) await spool.append(batch(`b${index}`, 900), of('192.0.2.2', 1));
    head!.remove();
    expect(losses.some(({ records }) => records['192.0.2.1'] !== undefined && records['192.0.2.1'] > 0)).toBe(false);
    const lost = losses.reduce((sum, { records }) => sum + (records['192.0.2.2'] ?? 0), 0);
    expect(lost + (await readAll(spool)).length).toBe(10);
    await spool.stop();
  });

  test('refuses a batch that is larger than the whole spool, and keeps the others', async () => {
    const { spool, losses } = spoolIn(newFolder(), { maxBytes: 1000, segmentBytes: 500 });
    await spool.start();
    await spool.append(batch('small'), of('192.0.2.1', 1));
    expect(await spool.append(batch('large', 2000), of('192.0.2.1', 1))).toBe(false);
    expect(await readAll(spool)).toEqual(['small']);
    expect(losses).toEqual([]);
    await spool.stop();
  });

  test('a folder that can’t be made is refused with its name', async () => {
    const file = newFolder();
    writeFileSync(file, '');
    const { spool } = spoolIn(join(file, 'below'));
    await expect(spool.start()).rejects.toMatchObject({
      code: 'file-invalid',
      message: expect.stringContaining(join(file, 'below')) as string,
    });
  });
});

describe('after a restart', () => {
  test('an orderly stop brings back what was not removed', async () => {
    const directory = newFolder();
    const first = spoolIn(directory, { segmentBytes: 100 }).spool;
    await first.start();
    for (const name of ['a', 'b', 'c', 'd']) await first.append(batch(name, 40), of('192.0.2.1', 2));
    (await first.head())!.remove();
    await first.head();
    await first.stop();
    const { spool } = spoolIn(directory);
    await spool.start();
    expect(spool.depth()).toMatchObject({ batches: 3, records: 6 });
    expect(await readAll(spool)).toEqual(['b', 'c', 'd']);
    await spool.stop();
  });

  test('a killed process loses nothing that was appended', async () => {
    const directory = newFolder();
    await appendAndDie(directory, ['a', 'b', 'c']);
    const { spool, losses } = spoolIn(directory);
    await spool.start();
    expect(await readAll(spool)).toEqual(['a', 'b', 'c']);
    expect(losses).toEqual([]);
    await spool.stop();
  });

  test('two processes never share a folder, and the survivor takes over the dead one’s', async () => {
    const directory = newFolder();
    const living = spoolIn(directory).spool;
    await living.start();
    await living.append(batch('mine'), of('192.0.2.1', 1));
    await appendAndDie(directory, ['theirs']);
    const third = spoolIn(directory).spool;
    await third.start();
    // `living` lives in this very process: its batch is not the third one's.
    expect(await readAll(third)).toEqual(['theirs']);
    expect(await readAll(living)).toEqual(['mine']);
    await third.stop();
    await living.stop();
  });

  test('what a dead process had itself taken over and not moved yet is found', async () => {
    const directory = newFolder();
    await appendAndDie(directory, ['oldest']);
    const [old] = readdirSync(directory);
    const dead = join(directory, 'ffffffffffffffff');
    mkdirSync(dead);
    renameSync(join(directory, old!), join(dead, `from-${old}`));
    const { spool } = spoolIn(directory);
    await spool.start();
    expect(await readAll(spool)).toEqual(['oldest']);
    await spool.stop();
  });
});

describe('damage on disk', () => {
  async function written(names: readonly string[]): Promise<{ directory: string; file: string }> {
    const directory = newFolder();
    const { spool } = spoolIn(directory);
    await spool.start();
    for (const name of names) await spool.append(Buffer.from(name), of(`192.0.2.${names.indexOf(name)}`, 5));
    await spool.stop();
    return { directory, file: segmentsIn(directory)[0]! };
  }

  /** A folder that a dead process left, with this file in it. */
  function placed(file: string, bytes: Buffer): string {
    const copy = newFolder();
    const place = join(copy, 'ffffffffffffffff');
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, basename(file)), bytes);
    return copy;
  }

  async function reopened(directory: string): Promise<{ names: string[]; losses: SpoolLoss[] }> {
    const { spool, losses } = spoolIn(directory);
    await spool.start();
    const names = await readAll(spool);
    expect(spool.depth().batches).toBe(0);
    await spool.stop();
    return { names, losses };
  }

  test('a flipped bit in a batch costs this batch, named by exporter', async () => {
    const { directory, file } = await written(['aaaa', 'bbbb', 'cccc']);
    const bytes = readFileSync(file);
    bytes[bytes.indexOf('bbbb') + 2]! ^= 0x10;
    writeFileSync(file, bytes);
    const { names, losses } = await reopened(directory);
    expect(names).toEqual(['aaaa', 'cccc']);
    expect(losses).toMatchObject([{ reason: 'damaged', records: { '192.0.2.1': 5 } }]);
  });

  test('any byte that is flipped costs the batch whose payload it is in, named by exporter, or nothing', async () => {
    const written3 = ['aaaa', 'bbbb', 'cccc'];
    const { file } = await written(written3);
    const whole = readFileSync(file);
    for (let at = 0; at < whole.length; at += 1) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 1 << (at % 8);
      const { names, losses } = await reopened(placed(file, bytes));
      const hit = written3.findIndex((name) => at >= whole.indexOf(name) && at < whole.indexOf(name) + 4);
      expect({ at, names }).toEqual({ at, names: written3.filter((_, index) => index !== hit) });
      const lost = losses.map(({ reason, records }) => ({ reason, records }));
      expect({ at, lost }).toEqual({
        at,
        lost: hit === -1 ? [] : [{ reason: 'damaged', records: { [`192.0.2.${hit}`]: 5 } }],
      });
    }
  }, 60_000);

  test('wherever the end is torn off, what was whole comes, and the torn batch is told', async () => {
    const written3 = ['aaaa', 'bbbb', 'cccc'];
    const { file } = await written(written3);
    const whole = readFileSync(file);
    for (let length = 0; length < whole.length; length += 1) {
      const { names, losses } = await reopened(placed(file, whole.subarray(0, length)));
      const ends = written3.map((name) => whole.indexOf(name) + 4);
      const count = ends.filter((end) => end <= length).length;
      expect({ length, names }).toEqual({ length, names: written3.slice(0, count) });
      const isTorn = length > (ends[count - 1] ?? 0);
      expect({ length, losses: losses.map(({ reason }) => reason) }).toEqual({
        length,
        losses: isTorn ? ['damaged'] : [],
      });
      // Its counts are whole: whose it was is known.
      const known = isTorn && length >= ends[count]! - 4;
      expect({ length, records: losses[0]?.records }).toEqual({
        length,
        records: isTorn ? (known ? { [`192.0.2.${count}`]: 5 } : {}) : undefined,
      });
    }
  }, 60_000);

  test('a torn end costs the last batch', async () => {
    const { directory, file } = await written(['aaaa', 'bbbb', 'cccc']);
    writeFileSync(file, readFileSync(file).subarray(0, -2));
    const { names, losses } = await reopened(directory);
    expect(names).toEqual(['aaaa', 'bbbb']);
    expect(losses).toMatchObject([{ reason: 'damaged', records: { '192.0.2.2': 5 } }]);
  });

  test('any damage anywhere: reading ends, and what comes is what was written, in order', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `batch-${index}`);
    const { directory, file } = await written(names);
    const whole = readFileSync(file);
    const change = fc.oneof(
      fc.record({ at: fc.nat(whole.length - 1), xor: fc.integer({ min: 1, max: 255 }) }),
      fc.record({ cut: fc.nat(whole.length) }),
      fc.record({ insert: fc.nat(whole.length), bytes: fc.uint8Array({ maxLength: 40 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        let bytes = Buffer.from(whole);
        for (const what of changes) {
          if ('at' in what) {
            if (what.at < bytes.length) bytes[what.at]! ^= what.xor;
          } else if ('cut' in what) bytes = bytes.subarray(0, what.cut);
          else bytes = Buffer.concat([bytes.subarray(0, what.insert), what.bytes, bytes.subarray(what.insert)]);
        }
        const copy = placed(file, bytes);
        const { names: seen } = await reopened(copy);
        expect(seen).toEqual(names.filter((name) => seen.includes(name)));
        if (changes.length === 1 && !('cut' in changes[0]!))
          expect(seen.length).toBeGreaterThanOrEqual(names.length - 1);
        rmSync(copy, { recursive: true });
      }),
      { numRuns: 150 },
    );
    rmSync(directory, { recursive: true });
  });
});

describe('while it runs', () => {
  test('goes on in a new folder when its own was removed, and loses nothing', async () => {
    const directory = newFolder();
    const { spool, losses } = spoolIn(directory);
    await spool.start();
    await spool.append(batch('removed'), of('192.0.2.1', 1));
    rmSync(directory, { recursive: true });
    expect(await spool.append(batch('kept'), of('192.0.2.1', 1))).toBe(true);
    expect(spool.depth()).toMatchObject({ batches: 2, records: 2 });
    expect(await readAll(spool)).toEqual(['removed', 'kept']);
    expect(losses).toEqual([]);
    await spool.stop();
  });

  test('what was removed from the disk, and not read before the end, is named', async () => {
    const directory = newFolder();
    const { spool, losses } = spoolIn(directory);
    await spool.start();
    await spool.append(batch('removed'), of('192.0.2.1', 3));
    rmSync(directory, { recursive: true });
    await spool.append(batch('kept'), of('192.0.2.1', 1));
    await spool.stop();
    expect(losses).toMatchObject([{ reason: 'dropped', records: { '192.0.2.1': 3 } }]);
  });

  test('what is no segment, or can’t be read, stops nobody', async () => {
    const directory = newFolder();
    await appendAndDie(directory, ['theirs']);
    const [theirs] = readdirSync(directory);
    mkdirSync(join(directory, theirs!, '000000000000001-01234567.spool'));
    writeFileSync(join(directory, theirs!, 'README'), 'hello');
    const { spool, losses } = spoolIn(directory);
    await spool.start();
    expect(await readAll(spool)).toEqual(['theirs']);
    expect(losses).toEqual([]);
    await spool.stop();
  });

  test('a clock that is set back changes no order, over a restart neither', async () => {
    const directory = newFolder();
    let nowMs = 2_000_000_000_000;
    const first = spoolIn(directory, { segmentBytes: 100, now: () => nowMs }).spool;
    await first.start();
    for (const name of ['a', 'b', 'c']) {
      await first.append(batch(name, 80), of('192.0.2.1', 1));
      nowMs -= 3_600_000;
    }
    await first.stop();
    const { spool } = spoolIn(directory, { segmentBytes: 100, now: () => nowMs });
    await spool.start();
    for (const name of ['d', 'e']) await spool.append(batch(name, 80), of('192.0.2.1', 1));
    await spool.stop();
    const last = spoolIn(directory).spool;
    await last.start();
    expect(await readAll(last)).toEqual(['a', 'b', 'c', 'd', 'e']);
    await last.stop();
  });

  test('on a disk that is full, the oldest go, named to the record; on one that is read-only, it says so', async () => {
    const disk = newFolder();
    mkdirSync(disk);
    const mount = (...options: string[]): boolean => spawnSync('mount', [...options, disk]).status === 0;
    // Needs root, which CI has.
    if (!mount('-t', 'tmpfs', '-o', 'size=256k', 'tmpfs')) return;
    try {
      const directory = join(disk, 'spool');
      const { spool, losses } = spoolIn(directory, { segmentBytes: 20_000 });
      await spool.start();
      let taken = 0;
      for (let index = 0; index < 200; index += 1)
        if (await spool.append(batch(`b${index}`, 5000), of('192.0.2.1', 1))) taken += 1;
      expect(taken).toBe(200);
      const names = await readAll(spool);
      expect(names.at(-1)).toBe('b199');
      expect(names.length).toBeGreaterThan(10);
      expect(losses.reduce((sum, { records }) => sum + (records['192.0.2.1'] ?? 0), 0)).toBe(200 - names.length);
      await spool.append(batch('last'), of('192.0.2.1', 1));
      await spool.stop();
      expect(mount('-o', 'remount,ro')).toBe(true);
      await expect(spoolIn(directory).spool.start()).rejects.toMatchObject({
        code: 'file-invalid',
        message: expect.stringContaining('EROFS'),
        hint: expect.stringContaining('queue.spool.directory'),
      });
    } finally {
      spawnSync('umount', [disk]);
    }
  });

  test.each(['always', { everyMs: 20 }, 'never'] as const)(
    'sync %j: what is acknowledged is made durable when it says so',
    async (sync) => {
      const { spool } = spoolIn(newFolder(), { sync });
      await spool.start();
      const syncs = vi.spyOn(Object.getPrototypeOf(await probe()), 'datasync');
      try {
        for (const name of ['a', 'b', 'c']) await spool.append(batch(name), of('192.0.2.1', 1));
        expect(syncs.mock.calls.length).toBe(sync === 'always' ? 3 : 0);
        await new Promise((resolve) => setTimeout(resolve, 100));
        expect(syncs.mock.calls.length).toBe(sync === 'always' ? 3 : sync === 'never' ? 0 : 1);
        await spool.stop();
      } finally {
        syncs.mockRestore();
      }
    },
  );

  test('files and folders are for their owner only', async () => {
    const directory = newFolder();
    const { spool } = spoolIn(directory);
    await spool.start();
    await spool.append(batch('a'), of('192.0.2.1', 1));
    expect(statSync(segmentsIn(directory)[0]!).mode & 0o077).toBe(0);
    expect(statSync(directory).mode & 0o077).toBe(0);
    await spool.stop();
  });
});
