// How far exporters' records are in safe hands, in a folder beside the spool: for batches that are on disk, or where there is no Redis.
// A line for each change, written after the batch; nothing is synced, for a killed process's writes are not lost.

import { appendFile, mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { SequencePosition } from '../model/sequence.ts';
import { type FormerPosition, fromReached, toReachedField, toReachedText } from './reached.ts';
import { replaceFile } from './replace-file.ts';

/** Then it is written anew, with the last line of each counter only. */
const maxFileBytes = 4 * 2 ** 20;
const maxPositions = 40_000;

export interface ReachedFile {
  /** Takes over what earlier processes wrote: the latest of each counter, by its field. */
  start(): Promise<ReadonlyMap<string, FormerPosition>>;
  /** Throws where the disk does not take it. */
  append(reached: readonly SequencePosition[]): Promise<void>;
}

export function createReachedFile({ directory, writer }: { directory: string; writer: string }): ReachedFile {
  const path = join(directory, `${writer}.reached`);
  const lines = new Map<string, string>();
  let bytes = 0;
  let writing: Promise<void> = Promise.resolve();

  async function start(): Promise<ReadonlyMap<string, FormerPosition>> {
    const formers = new Map<string, FormerPosition>();
    const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith('.reached'));
    for (const name of names) {
      const text = await readFile(join(directory, name), 'utf8').catch(() => '');
      for (const line of text.split('\n')) {
        const [field = '', value = ''] = line.split('\t');
        const former = fromReached(field, value);
        const known = formers.get(field);
        if (former === undefined || formers.size >= maxPositions) continue;
        if (known !== undefined && known.position.receivedAtMs > former.position.receivedAtMs) continue;
        formers.set(field, former);
        lines.set(field, `${field}\t${value}\n`);
      }
    }
    await writeAnew();
    // Those of processes that are there are made again with their next line.
    for (const name of names) await rm(join(directory, name), { force: true });
    return formers;
  }

  async function writeAnew(): Promise<void> {
    const text = [...lines.values()].join('');
    bytes = text.length;
    if (text === '') return;
    await mkdir(directory, { recursive: true });
    await replaceFile(path, text);
  }

  async function write(reached: readonly SequencePosition[]): Promise<void> {
    let text = '';
    for (const position of reached) {
      const field = toReachedField(position);
      if (!lines.has(field) && lines.size >= maxPositions) continue;
      const line = `${field}\t${toReachedText(writer, position)}\n`;
      lines.set(field, line);
      text += line;
    }
    if (text === '') return;
    if (bytes + text.length > maxFileBytes) await writeAnew();
    else {
      await mkdir(directory, { recursive: true });
      await appendFile(path, text, { mode: 0o600 });
      bytes += text.length;
    }
  }

  function append(reached: readonly SequencePosition[]): Promise<void> {
    if (reached.length === 0) return writing;
    const written = writing.then(() => write(reached));
    writing = written.catch(() => undefined);
    return written;
  }

  return { start, append };
}
