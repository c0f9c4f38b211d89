// `weir check`: lints a pipeline file, opens its steps, and runs its tests through the pipeline that `weir run` uses.
// Nothing goes over the network unless asked for (connect.ts), nothing is written.

import { isDeepStrictEqual } from 'node:util';
import { didYouMeanField } from '../enrich/did-you-mean.ts';
import { documentFieldNames } from '../enrich/document-fields.ts';
import { createDocumentLane, type DocumentLane, type Pipeline } from '../enrich/pipeline.ts';
import {
  type PipelineFile,
  type PipelineTest,
  type Place,
  placeText,
  type WrongPipelineFile,
} from '../enrich/pipeline-file.ts';
import { stepCatalog } from '../enrich/step-catalog.ts';
import { toTestBatch, valueAtPath } from '../enrich/test-record.ts';
import type { DocumentBatch } from '../model/document.ts';
import type { ElementDefinition } from '../model/element.ts';
import { WeirError } from '../model/errors.ts';
import { createLogger, type Logger, silentLogger } from '../telemetry/logger.ts';
import { toCountText } from './count-text.ts';
import { examineFile } from './pipeline-source.ts';
import { openPipeline, stepFilesError } from './steps.ts';

export interface CheckOptions {
  /** Also try the ports, and the servers that the file names. */
  readonly connect?: boolean;
  /** Give the file as it counts, as YAML. */
  readonly print?: boolean;
}

/** Gives a line for each warning, and one of success. Throws WeirError with every mistake, or every test that failed. */
export async function check(
  named: string | undefined,
  { connect = false, print = false }: CheckOptions = {},
): Promise<string> {
  const warnings = createWarnings();
  const file = await examineFile(named);
  if ('error' in file) throw warnings.addTo(await withStepFiles(file, warnings.logger));
  const { path, steps, tests } = file;
  await checkPipeline(file, warnings.logger).catch((error: unknown) => {
    throw warnings.addTo(error);
  });
  const done = `${path}: ${toCountText(steps.length, 'step')}, ${toCountText(tests.length, 'test')} passed`;
  const lines = [...warnings.lines, ...(connect ? await connectAll(file) : []), done];
  if (!print) return lines.join('\n');
  const { toEffectiveYaml } = await import('../enrich/effective-file.ts');
  return `${toEffectiveYaml(file, stepCatalog)}${lines.map((line) => `# ${line}`).join('\n')}`;
}

/** The mistakes of a file, and of those that its right steps name. */
async function withStepFiles(file: WrongPipelineFile, logger: Logger): Promise<WeirError> {
  const { error } = file;
  const more = await stepFilesError(file, logger);
  if (more === undefined) return error;
  return new WeirError(error.code, `${error.message}\n${more.message}`, { context: error.context, cause: error });
}

/** A line for each. Throws WeirError with all of them when one went wrong. */
async function connectAll(file: PipelineFile): Promise<readonly string[]> {
  const { tryConnections } = await import('./connect.ts');
  const trials = await tryConnections(file);
  const lines = trials.map(({ what, result, isGood }) => `${isGood ? 'ok    ' : 'FAILED'} ${what}: ${result}`);
  const failed = trials.filter(({ isGood }) => !isGood).length;
  if (failed === 0) return lines;
  const sum = `${file.path}: ${failed} of ${toCountText(trials.length, 'connection')} failed`;
  throw new WeirError('connect-failed', [...lines, sum].join('\n'), { context: { failed } });
}

/** What steps say of their files (`ifName.yml:7 expected …`), each line of it: in `weir run` it would stand in the log. */
function createWarnings() {
  const lines: string[] = [];
  const logger = createLogger({
    level: 'debug',
    write: (text) => lines.push(`warning: ${(JSON.parse(text) as { readonly msg: string }).msg}`),
  });

  /** What is wrong comes last, where it is seen. */
  function addTo(error: unknown): unknown {
    if (!(error instanceof WeirError) || lines.length === 0) return error;
    const { code, message, hint, context } = error;
    return new WeirError(code, [...lines, message].join('\n'), {
      ...(hint !== undefined && { hint }),
      context,
      cause: error,
    });
  }

  return { lines, logger, addTo };
}

/** Opens its files and runs its tests. Throws WeirError. */
export async function checkPipeline(file: PipelineFile, logger: Logger = silentLogger): Promise<void> {
  const { collect } = file;
  if (collect.tls !== undefined) await (await import('../collect/tls-files.ts')).readTlsFiles(collect.tls);
  const pipeline = await openPipeline(file, { logger, isOffline: true });
  try {
    await runTests(file, pipeline);
  } finally {
    await pipeline.close();
  }
}

async function runTests({ path, tests, decode }: PipelineFile, pipeline: Pipeline): Promise<void> {
  const lane = createDocumentLane();
  const failures: string[] = [];
  let failed = 0;
  for (const test of tests) {
    const differences = await runTest(test, decode.elements, pipeline, lane);
    if (differences.length > 0) failed += 1;
    for (const { place, message } of differences) {
      failures.push(`${placeText(place, path)} test ${JSON.stringify(test.name)}: ${message}`);
    }
  }
  if (failed === 0) return;
  failures.push(`${path}: ${failed} of ${toCountText(tests.length, 'test')} failed`);
  throw new WeirError('pipeline-tests-failed', failures.join('\n'), { context: { failed } });
}

interface Difference {
  readonly place: Place;
  readonly message: string;
}

async function runTest(
  test: PipelineTest,
  elements: readonly ElementDefinition[],
  pipeline: Pipeline,
  lane: DocumentLane,
): Promise<readonly Difference[]> {
  const { expect, expectPlace, fieldPlaces, record } = test;
  const mistakes: Difference[] = [];
  const batch = toTestBatch(record, elements, (name, message) => {
    const place = fieldPlaces.get(name) ?? expectPlace;
    mistakes.push({ place, message: `field ${JSON.stringify(name)}: ${message}` });
  });
  if (mistakes.length > 0) return mistakes;
  await pipeline.prepare(batch);
  const made = pipeline.toDocuments(batch, lane);
  const documents = documentsIn(made);
  if (documents.length !== expect.length) return [{ place: expectPlace, message: countDifference(expect, made) }];
  return expect.flatMap(({ fields, places }, index) =>
    Object.entries(fields).flatMap(([path, expected]) => {
      const message = isKnown(path)
        ? difference(path, expected, valueAtPath(documents[index], path))
        : unknownField(path);
      if (message === undefined) return [];
      const ofWhich = expect.length > 1 ? `document ${index + 1}: ` : '';
      return [{ place: places.get(path) ?? expectPlace, message: ofWhich + message }];
    }),
  );
}

function documentsIn({ bytes, count, ends }: DocumentBatch): readonly unknown[] {
  return Array.from({ length: count }, (_, index): unknown =>
    JSON.parse(bytes.toString('utf8', index === 0 ? 0 : ends[index - 1], ends[index])),
  );
}

function countDifference(expect: PipelineTest['expect'], { count: documents, dropped }: DocumentBatch): string {
  const wanted =
    expect.length === 0 ? 'no document' : expect.length === 1 ? 'a document' : `${expect.length} documents`;
  if (documents === 0) return `expected ${wanted}, got none: dropped by ${dropped.map(({ step }) => step).join(', ')}`;
  if (expect.length === 0) return `expected no document, got ${documents === 1 ? 'one' : documents}: no step drops it`;
  return `expected ${wanted}, got ${documents}: a list has one mapping for each`;
}

/** Null stands for "absent". */
function difference(path: string, expected: unknown, got: unknown): string | undefined {
  if (isDeepStrictEqual(expected ?? undefined, got)) return undefined;
  return `${path}: expected ${toText(expected)}, got ${toText(got)}`;
}

function toText(value: unknown): string {
  return value === undefined || value === null ? 'nothing' : JSON.stringify(value);
}

/** Objects whose fields are few and known; `netflow`, `ipfix` and `sflow` hold whatever exporters send. */
const knownObjects = /^(?:flow|node|event)\./;

function isKnown(path: string): boolean {
  if (!knownObjects.test(path)) return true;
  return documentFieldNames().some((name) => path === name || path.startsWith(`${name}.`));
}

/** A mistyped field would be absent, and so pass where it is expected to be absent. */
function unknownField(path: string): string {
  return `unknown field ${JSON.stringify(path)}${didYouMeanField(path, documentFieldNames())}`;
}
