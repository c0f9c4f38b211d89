// Finds and reads the pipeline file that a verb was given, or the shipped one.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  examinePipelineFile,
  maxPipelineFileBytes,
  type PipelineFile,
  placeText,
  type WrongPipelineFile,
} from '../enrich/pipeline-file.ts';
import { stepCatalog } from '../enrich/step-catalog.ts';
import { notUtf8 } from '../enrich/yaml-limits.ts';
import { WeirError } from '../model/errors.ts';
import { readEnvironment } from './config.ts';

/** pipelines/flow.yml of this installation, from whatever folder weir is called. */
const shippedPipeline = fileURLToPath(new URL('../../pipelines/flow.yml', import.meta.url));

/** Throws WeirError `file-missing` or `pipeline-invalid`. */
export async function loadPipelineFile(named: string | undefined, silenceMs = maxSilenceMs): Promise<PipelineFile> {
  const file = await examineFile(named, silenceMs);
  if ('error' in file) throw file.error;
  return file;
}

/** Throws WeirError where it can't be read. */
export async function examineFile(
  named: string | undefined,
  silenceMs = maxSilenceMs,
): Promise<PipelineFile | WrongPipelineFile> {
  const path = named ?? nearPath(shippedPipeline);
  return examinePipelineFile(await readText(path, silenceMs), {
    path,
    environment: readEnvironment(),
    stepDefinitions: stepCatalog,
  });
}

async function readText(path: string, silenceMs: number): Promise<string> {
  try {
    return toText(await readBounded(path, silenceMs), path);
  } catch (cause) {
    if (cause instanceof WeirError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'there is no such file',
      EACCES: 'it may not be read by this user',
      EISDIR: 'it is a folder',
    };
    throw new WeirError('file-missing', `can't read the pipeline file ${path}: ${reasons[code ?? ''] ?? code}`, {
      hint: 'Name a pipeline file, or none to use the one that came with weir.',
      cause,
    });
  }
}

/** `weir check <(…)`: whoever writes into a pipe may take a while to begin. */
const maxSilenceMs = 10_000;

const chunkBytes = 65_536;

/** A pipe has no size, and a device no end: read until it is more than a pipeline file. Nobody may ever write into a pipe, either. */
async function readBounded(path: string, silenceMs: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for (;;) {
      const chunk = await readChunk(file, bytes === 0 && !(await file.stat()).isFile(), silenceMs);
      if (chunk === undefined)
        throw new WeirError('file-missing', `can't read the pipeline file ${path}: nothing comes out of it`);
      if (chunk.length === 0) return Buffer.concat(chunks);
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxPipelineFileBytes) {
        throw new WeirError('pipeline-invalid', `${path}:1:1 the file is larger than 1 MiB: is it a pipeline file?`);
      }
    }
  } finally {
    await file.close();
  }
}

/** Empty at the end; undefined where nothing came in time. `isEndAwaited`: of a pipe that nobody has opened yet, the end comes first. */
async function readChunk(file: FileHandle, isEndAwaited: boolean, silenceMs: number): Promise<Buffer | undefined> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < silenceMs) {
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(chunkBytes), 0, chunkBytes, null);
      if (bytesRead > 0 || !isEndAwaited) return buffer.subarray(0, bytesRead);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    await setTimeout(20);
  }
  return undefined;
}

function toText(bytes: Buffer, path: string): string {
  const text = bytes.toString('utf8');
  const mistake = notUtf8(bytes, text);
  if (mistake === undefined) return text;
  throw new WeirError('pipeline-invalid', `${placeText(mistake, path)} ${mistake.message}`);
}

/** Relative to the working directory where that is shorter to read: within it. */
function nearPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith('..') || isAbsolute(near) ? path : near;
}
