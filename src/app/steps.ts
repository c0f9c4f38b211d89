// Opens the steps that a pipeline file names, in its order, and makes its pipeline of them.

import { loadFieldMap } from '../enrich/field-map.ts';
import { createPipeline, type Pipeline } from '../enrich/pipeline.ts';
import { type PipelineFile, placeText } from '../enrich/pipeline-file.ts';
import type { Step } from '../enrich/step.ts';
import { stepCatalog } from '../enrich/step-catalog.ts';
import { WeirError } from '../model/errors.ts';
import { countStepOutcome, type Ledger } from '../telemetry/ledger.ts';
import type { Logger } from '../telemetry/logger.ts';

interface NamedStep {
  readonly name: string;
  readonly step: Step;
}

export interface OpenOptions {
  readonly logger: Logger;
  /** Nothing may go over the network. */
  readonly isOffline?: boolean;
  /** Where steps count. */
  readonly ledger?: Ledger;
}

/** Throws WeirError with the step's place in the file. */
export async function openPipeline(file: PipelineFile, options: OpenOptions): Promise<Pipeline> {
  const fieldMap = loadFieldMap(file.decode.elements);
  return createPipeline({ steps: await createSteps(file, options), fieldMap });
}

/** Undefined: all files that the steps name can be opened. */
export async function stepFilesError(file: StepsOfFile, logger: Logger): Promise<WeirError | undefined> {
  try {
    const steps = await createSteps(file, { logger, isOffline: true });
    await Promise.all(steps.map(({ step }) => step.close?.()));
    return undefined;
  } catch (error) {
    if (error instanceof WeirError) return error;
    throw error;
  }
}

type StepsOfFile = Pick<PipelineFile, 'steps' | 'folder' | 'path'> & Partial<Pick<PipelineFile, 'state'>>;

/** Databases are read side by side. Throws a WeirError with all that went wrong; the steps that were opened are closed again. */
async function createSteps(
  file: StepsOfFile,
  { logger, isOffline = false, ledger }: OpenOptions,
): Promise<NamedStep[]> {
  const { steps, folder, path, state } = file;
  const context = { folder, logger, isOffline, ...(!isOffline && state && { stateFolder: state.directory }) };
  const counting = (step: string) => ledger && { count: (outcome: string) => countStepOutcome(ledger, step, outcome) };
  const results = await Promise.allSettled(
    steps.map(async ({ name, options, place }): Promise<NamedStep> => {
      const definition = stepCatalog.find((candidate) => candidate.name === name);
      if (definition === undefined) throw new WeirError('internal', `the step ${name} is in no catalog`);
      try {
        return { name, step: await definition.create(options, { ...context, ...counting(name) }) };
      } catch (cause) {
        if (!(cause instanceof WeirError)) throw cause;
        throw new WeirError(cause.code, `${placeText(place, path)} ${name}: ${cause.message}`, {
          ...(cause.hint !== undefined && { hint: cause.hint }),
          cause,
        });
      }
    }),
  );
  const opened = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const errors: unknown[] = results.flatMap((result) => (result.status === 'rejected' ? [result.reason] : []));
  if (errors.length === 0) return opened;
  await Promise.all(opened.map(({ step }) => step.close?.()));
  throw together(errors);
}

/** One error that says what all say, in the order of the file. What is no WeirError is a mistake in weir, and goes before. */
function together(errors: readonly unknown[]): unknown {
  const [first, ...others] = errors.filter((error) => error instanceof WeirError);
  const own = errors.find((error) => !(error instanceof WeirError));
  if (own !== undefined || first === undefined || others.length === 0) return own ?? first;
  const messages = new Set([first, ...others].map(({ message }) => message));
  const hints = new Set([first, ...others].map(({ hint }) => hint));
  return new WeirError(first.code, [...messages].join('\n'), {
    ...(hints.size === 1 && first.hint !== undefined && { hint: first.hint }),
    cause: first,
  });
}
