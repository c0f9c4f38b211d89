// Dead letters that their own index refused: one JSON object a line, in the state folder. A running weir appends; `weir dead-letters`
// takes letters out.

import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DeadLetter } from './dead-letters.ts';
import { isErrno } from './ndjson-file-system.ts';
import { asRecord } from './server-answer.ts';

export interface DeadLetterFile {
  /** Resolves with the number of letters kept, all or none; they are on the disk then. Rejects when the disk does not take them. */
  append(letters: readonly DeadLetter[]): Promise<number>;
  /** All letters, the oldest first; the same one may be there twice. None when there is no file. */
  read(): Promise<readonly DeadLetter[]>;
  /** Removes the letters for which `isDone` says so; what a running weir appends meanwhile stays. */
  remove(isDone: (letter: DeadLetter) => boolean): Promise<void>;
}

/** 30,000 letters: a mistake in the index is noticed long before, and a hostile exporter must not fill the disk. */
const defaultMaxBytes = 64 * 1024 * 1024;

export function createDeadLetterFile(path: string, maxBytes = defaultMaxBytes): DeadLetterFile {
  let last: Promise<unknown> = Promise.resolve();

  /** One change at a time within this process. */
  function inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const turn = last.then(change);
    last = turn.catch(() => undefined);
    return turn;
  }

  async function append(letters: readonly DeadLetter[]): Promise<number> {
    const lines = toLines(letters);
    if ((await sizeOf(path)) + Buffer.byteLength(lines) > maxBytes) return 0;
    // Another process may take the file away and read it before our lines are in it. Then they are written again: twice is no harm.
    while (!(await appendLines(path, lines)));
    return letters.length;
  }

  async function read(): Promise<readonly DeadLetter[]> {
    const files = [...(await takenFiles(path)), path];
    return (await Promise.all(files.map(lettersIn))).flat();
  }

  /** A file that was taken away has a name that only its taker knows, and is not changed: of two takers each does the whole work. */
  async function remove(isDone: (letter: DeadLetter) => boolean): Promise<void> {
    for (const file of [...(await takenFiles(path)), path]) {
      const taken = `${path}.taken-${randomUUID()}`;
      if (!(await moveAway(file, taken))) continue;
      const left = new Map((await lettersIn(taken)).map((letter) => [letter.id, letter]));
      for (const letter of left.values()) if (isDone(letter)) left.delete(letter.id);
      const lines = toLines([...left.values()]);
      if (lines !== '') while (!(await appendLines(path, lines)));
      await rm(taken, { force: true });
    }
  }

  return {
    append: (letters) => inTurn(() => append(letters)),
    read: () => inTurn(read),
    remove: (isDone) => inTurn(() => remove(isDone)),
  };
}

function toLines(letters: readonly DeadLetter[]): string {
  return letters.map((letter) => `${JSON.stringify(letter)}\n`).join('');
}

/** The files of removals under way, and of those that a crash has interrupted. */
async function takenFiles(path: string): Promise<readonly string[]> {
  const start = `${basename(path)}.taken`;
  try {
    const names = await readdir(dirname(path));
    return names.filter((name) => name.startsWith(start)).map((name) => join(dirname(path), name));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

/** False when `path` is another file by now, or none. */
async function appendLines(path: string, lines: string): Promise<boolean> {
  const handle = await open(path, 'a+', 0o640);
  try {
    await handle.writeFile((await endsInLine(handle)) ? `\n${lines}` : lines);
    await handle.datasync();
    return (await handle.stat()).ino === (await inodeOf(path));
  } finally {
    await handle.close();
  }
}

/** A crash, or a disk that was full, has left a line without its end. */
async function endsInLine(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat();
  if (size === 0) return false;
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== 0x0a;
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function moveAway(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return 0;
    throw error;
  }
}

async function lettersIn(path: string): Promise<readonly DeadLetter[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
  return text.split('\n').flatMap((line) => toDeadLetter(line) ?? []);
}

/** Undefined for what a crash has left half-written, and for what is no letter. */
function toDeadLetter(line: string): DeadLetter | undefined {
  try {
    return readDeadLetter(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** A letter from the file or the index; undefined where it lacks what is needed to send the original again. */
export function readDeadLetter(json: unknown): DeadLetter | undefined {
  const letter = asRecord(json);
  if (letter === undefined) return undefined;
  const texts = ['@timestamp', 'reason', 'index', 'id', 'batch_id', 'exporter', 'weir_version', 'original'] as const;
  const read = Object.fromEntries(texts.map((name) => [name, typeof letter[name] === 'string' ? letter[name] : '']));
  if (read['index'] === '' || read['id'] === '' || read['original'] === '') return undefined;
  return { ...(read as Omit<DeadLetter, 'position'> & Record<string, string>), position: Number(letter['position']) };
}
