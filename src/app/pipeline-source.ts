// Finds and reads the pipeline file that a verb was given, or the shipped one.

import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { maxPipelineFileBytes, type PipelineFile, readPipelineFile } from '../enrich/pipeline-file.ts';
import { stepCatalog } from '../enrich/step-catalog.ts';
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
    const { size } = await stat(path);
    if (size > maxPipelineFileBytes) {
      throw new WeirError('pipeline-invalid', `${path}:1:1 the file is larger than 1 MiB: is it a pipeline file?`);
    }
    return await readFile(path, 'utf8');
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

/** Relative to the working directory where that is shorter to read: within it. */
function nearPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith('..') || isAbsolute(near) ? path : near;
}
