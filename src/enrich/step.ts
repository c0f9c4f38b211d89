// The step contract: a step is one file in steps/, one line in the pipeline file. docs/add-a-step.md is the recipe.

import type { ZodType } from 'zod';
import type { RecordBatch } from '../model/record-batch.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { AddressFacts } from './address-facts.ts';
import type { FlowDocument } from './flow-document.ts';
import type { WatchedData } from './reloading-file.ts';

export interface StepDefinition<Options> {
  /** As written in the pipeline file. */
  readonly name: string;
  /** One sentence for the documentation. */
  readonly summary: string;
  /** Strict: unknown keys are mistakes. `{}` must be valid unless the step makes no sense without options. */
  readonly options: ZodType<Options>;
  /** Where options name fields: which the step reads and writes, in the order in which it does. A label that nobody writes is a mistake. */
  uses?(options: Options): readonly FieldUse[];
  /** Document fields, by stored path. */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly cost: StepCost;
  /** Tests of the step, and its documentation. */
  readonly examples: readonly StepExample[];
  /** Opens what the step needs (databases). Throws WeirError with the option's name in it. */
  create(options: Options, context: StepContext): Step | Promise<Step>;
}

export interface FieldUse {
  readonly path: string;
  readonly isWritten: boolean;
}

export const readsOf = (paths: readonly string[] = []): readonly FieldUse[] =>
  paths.map((path) => ({ path, isWritten: false }));

export const writeOf = (path: string): FieldUse => ({ path, isWritten: true });

export interface StepCost {
  /** µs of CPU per document with the options in bench/steps.ts, which prints it anew; the machine is named in step-page.ts. */
  readonly microseconds: number;
  /** Where it arises and what it grows with: a sentence. */
  readonly remark: string;
}

export interface StepExample {
  readonly title: string;
  readonly options: unknown;
  /** Record fields by IANA name, in readable form (addresses as text). */
  readonly record: Readonly<Record<string, unknown>>;
  /**
   * Stored paths and their values; null: the field must be absent. A list: one for each document that the record becomes.
   * `dropped`: the step drops the flow.
   */
  readonly expect: Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[] | 'dropped';
}

export interface StepContext {
  /** Folder that relative paths of the pipeline file start from. */
  readonly folder: string;
  readonly logger: Logger;
  /** Where a step may keep what the next start can use; undefined: nowhere. */
  readonly stateFolder?: string;
  /** `weir check`: nothing may go over the network. */
  readonly isOffline?: boolean;
  /** Counts something that is no flow's fate, by a word or two: a fault, an answer. For metrics; undefined: nobody asks. */
  readonly count?: (outcome: string) => void;
}

export interface Step {
  /** `apply` reads `startMs` and `endMs`, which cost time and are undefined otherwise. */
  readonly readsTimes?: boolean;
  /** `apply` reads `srcAsNumber` and `dstAsNumber`, likewise. */
  readonly readsAsNumbers?: boolean;
  /** The only place that may wait. */
  prepare?(batch: RecordBatch): Promise<void>;
  /** Once per address, before `describe` of any step: whether it is private, and whose it is. */
  classify?(facts: AddressFacts): void;
  /** Once per address, in file order; the result is cached, so it must depend on nothing else. */
  describe?(facts: AddressFacts): void;
  /** Grows when `describe` knows better than before (its database has changed): the facts that are kept are forgotten then. */
  factsVersion?(): number;
  /** Once per flow, in file order; synchronous. False: drop the flow. */
  apply?(flow: FlowDocument): boolean | undefined;
  /**
   * Once per flow that is stored, after all steps: so long is a part of it, in ms, and each part becomes a document of its own
   * (flow-parts.ts). Parts end where whole multiples of the length do. 0: the flow stays whole. It must depend on the record and
   * `maxParts` alone, so that a batch that is tried again has the same documents. The first step that has it counts.
   */
  partMs?(flow: FlowDocument, maxParts: number): number;
  /**
   * After all steps: a document, a whole line of JSON as byte text (json-text.ts), or a piece of one that begins and ends between
   * members. It must stay such a text. What becomes of a piece must depend on it alone: what documents have in common is asked once.
   */
  rewrite?(text: string): string;
  /** Files that it reads again when they change: for metrics. */
  readonly watched?: readonly WatchedData[];
  close?(): Promise<void>;
}
