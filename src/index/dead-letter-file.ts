// Dead letters that their own index refused: one JSON object a line, in the state folder. A running weir appends; `weir dead-letters`
// takes letters out.

import { appendFile, open, readFile, rename, rm, stat } from 'node:fs/promises';
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
  const taken = `${path}.taken`;
  let last: Promise<unknown> = Promise.resolve();

  /** One change at a time: two removals share `taken`, and what is appended to a file that is being taken away would go with it. */
  function inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const turn = last.then(change);
    last = turn.catch(() => undefined);
    return turn;
  }

  async function append(letters: readonly DeadLetter[]): Promise<number> {
    const lines = letters.map((letter) => `${JSON.stringify(letter)}\n`).join('');
    if ((await sizeOf(path)) + Buffer.byteLength(lines) > maxBytes) return 0;
    const handle = await open(path, 'a', 0o640);
    try {
      await handle.writeFile(lines);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    return letters.length;
  }

  async function read(): Promise<readonly DeadLetter[]> {
    return [...(await lettersIn(taken)), ...(await lettersIn(path))];
  }

  async function remove(isDone: (letter: DeadLetter) => boolean): Promise<void> {
    // What an interrupted removal has left comes first.
    for (const isLeft of [true, false]) {
      if (!isLeft && !(await moveAway(path, taken))) return;
      const left = (await lettersIn(taken)).filter((letter) => !isDone(letter));
      if (left.length > 0) await appendFile(path, left.map((letter) => `${JSON.stringify(letter)}\n`).join(''));
      await rm(taken, { force: true });
    }
  }

  return {
    append: (letters) => inTurn(() => append(letters)),
    read: () => inTurn(read),
    remove: (isDone) => inTurn(() => remove(isDone)),
  };
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
