// Capture files in the order they were named, as often as asked for → their datagrams, each with its place.

import { readCaptureFile, readCaptureStream } from '../../collect/capture-file.ts';
import type { Datagram } from '../../model/datagram.ts';
import { WeirError } from '../../model/errors.ts';
import { listCaptures } from '../capture-folder.ts';

export interface ReplayFilesOptions {
  /** Files, folders (all captures in them, in name order), or - for `input`. */
  readonly paths: readonly string[];
  /** How often; Infinity: until nobody wants more. */
  readonly loops: number;
  readonly input: AsyncIterable<Uint8Array>;
  /** Others are left out. */
  readonly isWanted: (exporter: string) => boolean;
  readonly onWarning: (text: string) => void;
}

export interface ReplayedDatagram {
  readonly datagram: Datagram;
  readonly file: string;
  /** In its file, from 1. */
  readonly number: number;
  /** From 1. */
  readonly loop: number;
}

/** How far the files are read. */
export interface ReplayPosition {
  readonly file: string;
  /** Bytes of it. */
  readonly position: number;
  /** Undefined: not known (a stream, a packed file). */
  readonly size: number | undefined;
  readonly loop: number;
}

export interface ReplayFiles {
  /** Throws WeirError when a file is missing or no capture (in a folder it is left out, with a warning), or none has a datagram. */
  datagrams(): AsyncGenerator<ReplayedDatagram, void, void>;
  position(): ReplayPosition;
}

export function createReplayFiles({ paths, loops, input, isWanted, onWarning }: ReplayFilesOptions): ReplayFiles {
  let position: ReplayPosition = { file: paths[0] ?? '', position: 0, size: undefined, loop: 1 };
  let found = 0;

  async function* datagrams(): AsyncGenerator<ReplayedDatagram, void, void> {
    if (loops > 1 && paths.includes('-'))
      throw new WeirError('usage', 'standard input can be replayed once', { hint: 'Write it to a file for --loop.' });
    for (const path of paths) await checkBegin(path);
    for (let loop = 1; loop <= loops; loop += 1) {
      for (const path of paths) yield* readPath(path, loop);
      if (found === 0) throw new WeirError('file-invalid', `there is no datagram to replay in ${paths.join(', ')}`);
    }
  }

  /** A mistake in the last name should not come up when the first file is through. */
  async function checkBegin(path: string): Promise<void> {
    const isFile = path !== '-' && (await listCaptures(path))[0] === path;
    if (!isFile) return;
    const captured = readCaptureFile(path);
    await captured.next();
    await captured.return();
  }

  async function* readPath(path: string, loop: number): AsyncGenerator<ReplayedDatagram, void, void> {
    for (const file of path === '-' ? [path] : await listCaptures(path)) {
      try {
        yield* readFile(file, loop);
      } catch (error) {
        // In a folder there may be anything beside captures.
        if (file === path || !(error instanceof WeirError)) throw error;
        if (loop === 1) onWarning(`${error.message}: left out`);
      }
    }
  }

  async function* readFile(file: string, loop: number): AsyncGenerator<ReplayedDatagram, void, void> {
    let number = 0;
    const about = {
      // Of each loop the same would be said.
      onWarning: loop === 1 ? onWarning : () => undefined,
      onProgress(at: number, size: number | undefined) {
        position = { file, position: at, size, loop };
      },
    };
    const captured = file === '-' ? readCaptureStream('standard input', input, about) : readCaptureFile(file, about);
    for await (const datagram of captured) {
      number += 1;
      if (!isWanted(datagram.exporter)) continue;
      found += 1;
      yield { datagram, file, number, loop };
    }
  }

  return { datagrams, position: () => position };
}
