// Finds and reads the pipeline file that a verb was given, or the shipped one.

import { createReadStream } from 'node:fs';
import { isAbsolute, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { maxPipelineFileBytes, type PipelineFile, placeText, readPipelineFile } from '../enrich/pipeline-file.ts';
import { stepCatalog } from '../enrich/step-catalog.ts';
import { notUtf8 } from '../enrich/yaml-limits.ts';
import { WeirError } from '../model/errors.ts';
import { readEnvironment } from './config.ts';

/** pipelines/flow.yml of this installation, from whatever folder weir is called. */
const shippedPipeline = fileURLToPath(new URL('../../pipelines/flow.yml', import.meta.url));

/** Throws WeirError `file-missing` or `pipeline-invalid`. */
export async function loadPipelineFile(named: string | undefined): Promise<PipelineFile> {
  const path = named ?? nearPath(shippedPipeline);
  return readPipelineFile(await readText(path), { path, environment: readEnvironment(), stepDefinitions: stepCatalog });
}

async function readText(path: string): Promise<string> {
  try {
    return toText(await readBounded(path), path);
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

/** A pipe has no size, and a device no end: read until it is more than a pipeline file. */
async function readBounded(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxPipelineFileBytes) {
      throw new WeirError('pipeline-invalid', `${path}:1:1 the file is larger than 1 MiB: is it a pipeline file?`);
    }
  }
  return Buffer.concat(chunks);
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
