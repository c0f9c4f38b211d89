import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listDeadLetters, purgeDeadLetters, showDeadLetter } from '../../src/app/dead-letters.ts';
import { createDeadLetterFile } from '../../src/index/dead-letter-file.ts';
import type { DeadLetter } from '../../src/index/dead-letters.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-letters-'));
  path = join(folder, 'dead-letters.ndjson');
});
afterEach(() => rmSync(folder, { recursive: true }));

function letterOf(id: string): DeadLetter {
  return {
    '@timestamp': '2026-11-24T12:00:00.000Z',
    reason: 'mapper_parsing_exception: failed to parse',
    index: 'weir-flow-2026.11.24',
    id,
    batch_id: 'b',
    position: 0,
    exporter: '192.0.2.1',
    weir_version: '0.1.0',
    original: '{"text":"line\\nline"}',
  };
}

test('what is appended is read again, in order', async () => {
  const file = createDeadLetterFile(path);
  expect(await file.read()).toEqual([]);
  expect(await file.append([letterOf('a'), letterOf('b')])).toBe(2);
  expect(await file.append([letterOf('c')])).toBe(1);
  expect(await createDeadLetterFile(path).read()).toEqual(['a', 'b', 'c'].map(letterOf));
});

test('a file that is full takes no more', async () => {
  const file = createDeadLetterFile(path, 1.5 * JSON.stringify(letterOf('a')).length);
  expect(await file.append([letterOf('a')])).toBe(1);
  expect(await file.append([letterOf('b')])).toBe(0);
  expect(await file.read()).toEqual([letterOf('a')]);
});

test('a line that a crash has cut, and what is no letter, are passed over', async () => {
  const file = createDeadLetterFile(path);
  await file.append([letterOf('a')]);
  appendFileSync(path, 'null\n{"id":"x"}\n{"@timestamp":"2026');
  expect(await file.read()).toEqual([letterOf('a')]);
});

test('a letter after a line that a crash has cut is a line of its own', async () => {
  appendFileSync(path, '{"@timestamp":"2026');
  const file = createDeadLetterFile(path);
  await file.append([letterOf('a')]);
  expect(await file.read()).toEqual([letterOf('a')]);
  await file.remove(() => false);
  expect(await file.read()).toEqual([letterOf('a')]);
});

test('removals and a writer that know nothing of each other lose no letter', async () => {
  const writing = createDeadLetterFile(path);
  const ids = Array.from({ length: 100 }, (_, n) => `letter-${n}`);
  const removals = Array.from({ length: 3 }, async () => {
    const file = createDeadLetterFile(path);
    for (let round = 0; round < 20; round += 1) await file.remove(({ id }) => id === 'nobody');
  });
  for (const id of ids) await writing.append([letterOf(id)]);
  await Promise.all(removals);
  expect(new Set((await writing.read()).map(({ id }) => id))).toEqual(new Set(ids));
});

test('removing leaves the others, and what an interrupted removal has left', async () => {
  const file = createDeadLetterFile(path);
  await file.append([letterOf('a'), letterOf('b')]);
  writeFileSync(`${path}.taken`, `${JSON.stringify(letterOf('old'))}\n${JSON.stringify(letterOf('done'))}\n`);
  expect((await file.read()).map(({ id }) => id)).toEqual(['old', 'done', 'a', 'b']);
  await file.remove(({ id }) => id === 'a' || id === 'done');
  expect((await file.read()).map(({ id }) => id).sort()).toEqual(['b', 'old']);
  await file.remove(() => true);
  expect(await file.read()).toEqual([]);
  await file.remove(() => true);
});

test('removals and appends at once lose no letter', async () => {
  const file = createDeadLetterFile(path);
  const names = Array.from({ length: 20 }, (_, at) => `first-${at}`);
  await file.append(names.map(letterOf));
  const changes: Promise<unknown>[] = [];
  for (let at = 0; at < 10; at += 1) {
    changes.push(file.remove(({ id }) => id === `first-${at}`));
    changes.push(file.append([letterOf(`later-${at}`)]));
  }
  await Promise.all(changes);
  const left = (await file.read()).map(({ id }) => id).sort();
  expect(left).toEqual([...names.slice(10), ...Array.from({ length: 10 }, (_, at) => `later-${at}`)].sort());
});

test('strangers can not read letters', async () => {
  await createDeadLetterFile(path).append([letterOf('a')]);
  expect(statSync(path).mode & 0o007).toBe(0);
});

test('the verbs say what is wrong with what they are told', async () => {
  const pipeline = join(folder, 'pipeline.yml');
  writeFileSync(pipeline, 'name: t\nsteps: []\n');
  const usage = (message: RegExp) => ({
    code: 'usage',
    message: expect.stringMatching(message),
    hint: expect.any(String),
  });
  await expect(listDeadLetters(pipeline, {}, 0)).rejects.toMatchObject(usage(/names no Elasticsearch/));
  await expect(showDeadLetter(pipeline, 'x')).rejects.toMatchObject(usage(/names no Elasticsearch/));
  await expect(purgeDeadLetters(pipeline, {}, 0)).rejects.toMatchObject(usage(/every dead letter/));
  for (const since of ['yesterday', '5', '2026-99-99', ''])
    await expect(listDeadLetters(pipeline, { since }, 0)).rejects.toMatchObject(usage(/neither a duration nor a time/));
});
