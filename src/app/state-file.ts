// What decode has learnt (templates, options tables), kept in a file so that a restart loses no flow.

import { open, readFile, rename } from 'node:fs/promises';
import type { Decoder } from '../decode/decoder.ts';
import type { Logger } from '../telemetry/logger.ts';

export interface StateFile {
  /** Gives the decoder what an earlier run saved. A file that is damaged is left alone and said so: flows go on without it. */
  load(): Promise<void>;
  /** Writes the file if the decoder has learnt something since the last time. Failures are logged, never thrown. */
  save(): Promise<void>;
}

export function createStateFile({
  path,
  decoder,
  logger,
}: {
  path: string;
  decoder: Decoder;
  logger: Logger;
}): StateFile {
  let savedVersion = 0;
  let saving: Promise<void> = Promise.resolve();

  async function load(): Promise<void> {
    try {
      decoder.restoreState(JSON.parse(await readFile(path, 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      logger.warn(
        { file: path, reason: messageOf(error) },
        'the templates of the last run are not usable; exporters will send them again',
      );
    }
    savedVersion = decoder.stateVersion;
  }

  async function writeState(): Promise<void> {
    const version = decoder.stateVersion;
    if (version === savedVersion) return;
    try {
      const temporary = `${path}.part`;
      const file = await open(temporary, 'w', 0o600);
      try {
        await file.writeFile(JSON.stringify(decoder.saveState()));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
      savedVersion = version;
    } catch (error) {
      logger.warn({ file: path, reason: messageOf(error) }, 'the templates can’t be saved');
    }
  }

  function save(): Promise<void> {
    // One after the other: two writers of one temporary file would mix.
    saving = saving.then(writeState);
    return saving;
  }

  return { load, save };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
