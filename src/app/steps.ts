// Opens the steps that a pipeline file names, in its order, and makes its pipeline of them.

import { loadFieldMap } from '../enrich/field-map.ts';
import { createPipeline, type Pipeline } from '../enrich/pipeline.ts';
import { type PipelineFile, placeText } from '../enrich/pipeline-file.ts';
import type { Step } from '../enrich/step.ts';
import { stepCatalog } from '../enrich/step-catalog.ts';
import { WeirError } from '../model/errors.ts';
import type { Logger } from '../telemetry/logger.ts';

interface NamedStep {
  readonly name: string;
  readonly step: Step;
}

/** Throws WeirError with the step's place in the file. */
export async function openPipeline(file: PipelineFile, logger: Logger): Promise<Pipeline> {
  const fieldMap = loadFieldMap(file.decode.elements);
  return createPipeline({ steps: await createSteps(file, logger), fieldMap });
}

/** Databases are read side by side. Throws WeirError with the step's place in the file. */
function createSteps({ steps, folder, path }: PipelineFile, logger: Logger): Promise<NamedStep[]> {
  return Promise.all(
    steps.map(async ({ name, options, place }) => {
      const definition = stepCatalog.find((candidate) => candidate.name === name);
      if (definition === undefined) throw new WeirError('internal', `the step ${name} is in no catalog`);
      try {
        return { name, step: await definition.create(options, { folder, logger }) };
      } catch (cause) {
        if (!(cause instanceof WeirError)) throw cause;
        throw new WeirError(cause.code, `${placeText(place, path)} ${name}: ${cause.message}`, {
          ...(cause.hint !== undefined && { hint: cause.hint }),
          cause,
        });
      }
    }),
  );
}
