// What decode has learnt (templates, options tables), kept in a file so that a restart loses no flow.

import { open, readFile, rename } from 'node:fs/promises';
import type { Decoder } from '../decode/decoder.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { StateStore } from './state-store.ts';

/** Each time the whole file is written. */
const saveEveryMs = 5000;

export function createStateFile({
  path,
  decoder,
  logger,
}: {
  path: string;
  decoder: Decoder;
  logger: Logger;
}): StateStore {
  let savedVersion = 0;
  let saving: Promise<void> = Promise.resolve();

  /** A file that is damaged is left alone and said so: flows go on without it. */
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

  return { saveEveryMs, load, save, stop: save };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
