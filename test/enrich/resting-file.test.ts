import { readdirSync } from 'node:fs';
import { mkdtemp, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { countryDatabasePath, openGeoDatabase } from '../../src/enrich/geo-database.ts';
import { keepOrRest } from '../../src/enrich/resting-file.ts';

let folder: string;
let path: string;
let reads = 0;
const read = (bytes: Buffer): string => {
  reads += 1;
  return bytes.toString();
};

beforeEach(async () => {
  vi.useFakeTimers();
  reads = 0;
  folder = await mkdtemp(join(tmpdir(), 'weir-resting-'));
  path = join(folder, 'file');
  await writeFile(path, 'as it was');
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

const openResting = () => keepOrRest({ path, rests: true, content: 'as it was', read, restAfterMs: 1000 });

it('a file is read again when it is asked for after a silence, and only then', () => {
  const file = openResting();
  for (let i = 0; i < 10; i++) {
    vi.advanceTimersByTime(900);
    expect(file.content()).toBe('as it was');
  }
  expect(reads).toBe(0);
  vi.advanceTimersByTime(60_000);
  expect(reads).toBe(0);
  expect([file.content(), file.content()]).toEqual(['as it was', 'as it was']);
  expect(reads).toBe(1);
  vi.advanceTimersByTime(60_000);
  file.content();
  expect(reads).toBe(2);
  file.close();
});

it('what is read again is the same, also when another file has come in its place, or none', async () => {
  const file = openResting();
  await writeFile(`${path}.new`, 'an upgrade');
  await rename(`${path}.new`, path);
  vi.advanceTimersByTime(3000);
  expect(file.content()).toBe('as it was');
  await rm(path);
  vi.advanceTimersByTime(3000);
  expect(file.content()).toBe('as it was');
  file.close();
});

it('a file that was cut is an error each time it is asked for, and good again when it is whole again', async () => {
  const file = keepOrRest({
    path,
    rests: true,
    content: 'as it was',
    read(bytes) {
      if (bytes.length === 0) throw new Error('empty');
      return read(bytes);
    },
    restAfterMs: 1000,
  });
  vi.advanceTimersByTime(3000);
  await truncate(path, 0);
  expect(() => file.content()).toThrow('empty');
  expect(() => file.content()).toThrow('empty');
  await writeFile(path, 'as it was');
  expect(file.content()).toBe('as it was');
  file.close();
});

it('a closed one holds no file and gives nothing; closing twice is safe', () => {
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  const files = Array.from({ length: 20 }, openResting);
  for (const file of files) file.close();
  for (const file of files) file.close();
  expect(open()).toBe(before);
  expect(() => files[0]!.content()).toThrow('closed');
});

it('one that does not rest is kept', () => {
  const content = { big: true };
  const file = keepOrRest({ path: '/nowhere', rests: false, content, read: () => content, restAfterMs: 1 });
  vi.advanceTimersByTime(60_000);
  expect(file.content()).toBe(content);
  file.close();
  expect(file.content()).toBe(content);
});

it('the country database says the same after a rest', async () => {
  const database = await openGeoDatabase([countryDatabasePath()], 'database', { rests: true });
  const before = ['8.8.8.8', '1.1.1.1', '192.0.2.1'].map((address) => database.lookup(address, 4));
  vi.advanceTimersByTime(120_000);
  expect(['8.8.8.8', '1.1.1.1', '192.0.2.1'].map((address) => database.lookup(address, 4))).toEqual(before);
  expect(before[0]?.countryCode).toBe('US');
  database.close();
  expect(database.lookup('8.8.8.8', 4)).toBeUndefined();
});
