// The pipeline file: YAML text → what weir runs, or one WeirError that lists every mistake as "file:line:col sentence".
// Keys, defaults and bounds stand in pipeline-schema.ts; docs/pipelines.md explains them.

import { dirname, resolve } from 'node:path';
import type { ElementDefinition } from '../model/element.ts';
import { WeirError } from '../model/errors.ts';
import {
  type CollectSettings,
  collectContradictions,
  type ListenAddress,
  toCollectSettings,
} from './collect-section.ts';
import { type FileMistakes, readDecodeSection } from './decode-section.ts';
import {
  type ElasticsearchTarget,
  elasticsearchContradictions,
  toElasticsearchTarget,
} from './elasticsearch-section.ts';
import { type KibanaSettings, kibanaContradictions, toKibanaSettings } from './kibana-section.ts';
import { type PipelineConfig, pipelineSchema } from './pipeline-schema.ts';
import { type PipelineStep, readSteps, type StepOptions } from './pipeline-steps.ts';
import { type HiddenText, type Mistake, type Place, placeText, readYaml, type YamlTree } from './pipeline-yaml.ts';
import { type QueueSettings, queueContradictions, type RedisTarget, toQueueSettings } from './queue-section.ts';
import { check } from './schema-issues.ts';
import { type TelemetrySettings, telemetryContradictions, toTelemetrySettings } from './telemetry-section.ts';
import type { TestRecord } from './test-record.ts';
import { isYamlName } from './yaml-include.ts';

export {
  type CollectSettings,
  type ElasticsearchTarget,
  type ListenAddress,
  type Place,
  placeText,
  type QueueSettings,
  type RedisTarget,
};

export interface PipelineFile {
  readonly name: string;
  readonly listen: readonly ListenAddress[];
  readonly collect: CollectSettings;
  readonly decode: {
    /** What the files say that the section names. */
    readonly elements: readonly ElementDefinition[];
    /** Sampled packets in tunnels: the flow of the tunnel itself, or of the packet inside. */
    readonly tunnels: 'outer' | 'inner';
  };
  readonly batch: { readonly maxRecords: number; readonly maxBytes: number; readonly maxAgeMs: number };
  readonly queue: QueueSettings;
  /** Where templates survive a restart; relative to the working directory. */
  readonly state: { readonly directory: string };
  readonly telemetry: TelemetrySettings;
  readonly steps: readonly PipelineStep[];
  readonly index: {
    /** `weir-flow-%{yyyy.MM.dd}` */
    readonly name: string;
    /** Absent: NDJSON files are written. */
    readonly elasticsearch?: ElasticsearchTarget;
    readonly files: {
      /** Relative to the working directory. */
      readonly directory: string;
      readonly maxFileBytes: number;
    };
  };
  /** Absent: no dashboards are imported. */
  readonly kibana?: KibanaSettings;
  readonly tests: readonly PipelineTest[];
  /** The file's own folder: relative paths of data files (databases, lists) start there. */
  readonly folder: string;
  /** As it was named by the user; messages begin with it. */
  readonly path: string;
  /** What it says, variables and included files put in, without defaults. */
  readonly written: unknown;
  /** What is not shown of that, beside what its keys and URLs say themselves. */
  readonly hidden: readonly HiddenText[];
  /** What it was read from: itself, and what it includes. */
  readonly files: readonly string[];
}

export interface PipelineTest {
  readonly name: string;
  readonly record: TestRecord;
  /** One for each document that the record becomes. None: a step drops the flow. */
  readonly expect: readonly ExpectedDocument[];
  readonly fieldsPlace: Place;
  readonly expectPlace: Place;
}

export interface ExpectedDocument {
  /** Stored path → value; null: must be absent. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Where each path is written. */
  readonly places: ReadonlyMap<string, Place>;
}

export interface PipelineFileOptions {
  /** Names the file in messages, and gives the folder. */
  readonly path: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stepDefinitions: readonly StepOptions[];
}

/** A pipeline file is written by hand; a bigger one is another file. */
export const maxPipelineFileBytes = 2 ** 20;

/** More mistakes than anybody reads at once. */
const maxMistakes = 50;

export function readPipelineFile(text: string, options: PipelineFileOptions): PipelineFile {
  const { path } = options;
  if (Buffer.byteLength(text) > maxPipelineFileBytes) {
    throw invalid(path, [{ line: 1, column: 1, message: 'the file is larger than 1 MiB: is it a pipeline file?' }]);
  }
  // YAML 1.2 §5.1 has no NUL: of a database or a program the parser would complain line by line.
  if (text.includes('\0'))
    throw invalid(path, [{ line: 1, column: 1, message: 'the file is no text: is it a pipeline file?' }]);
  const tree = readYaml(text, options.environment, path);
  // What follows a syntax error is guesswork of the parser: settle the syntax first.
  if (tree.syntaxErrors.length > 0) throw invalid(path, tree.syntaxErrors, [], tree.includedPaths);
  if (tree.value === undefined || tree.value === null) {
    const message = 'the file is empty; the shortest pipeline is "name: flow" and "steps: []"';
    throw invalid(path, [...tree.mistakes, { line: 1, column: 1, message }], [], tree.includedPaths);
  }
  // Of a file that is far too big, what follows would be about its rest.
  if (tree.isTooBig) throw invalid(path, tree.mistakes);
  const checked = check(pipelineSchema, tree.value, tree, [], '');
  const { steps, mistakes: stepMistakes } = readSteps(tree, options.stepDefinitions);
  const mistakes = [...tree.mistakes, ...('mistakes' in checked ? checked.mistakes : []), ...stepMistakes];
  const config = 'data' in checked ? (checked.data as PipelineConfig) : undefined;
  if (config !== undefined && mistakes.length === 0) mistakes.push(...contradictions(config, tree));
  const decode = config === undefined ? undefined : readDecodeSection(config.decode, tree, path);
  mistakes.push(...(decode?.mistakes ?? []));
  const fileMistakes = decode?.fileMistakes ?? [];
  if (mistakes.length + fileMistakes.length > 0 || config === undefined || decode === undefined) {
    throw invalid(path, mistakes, fileMistakes, tree.includedPaths);
  }
  const given = 'data' in checked ? (checked.given as object) : {};
  const written = { ...given, steps: steps.map((step) => ({ [step.name]: step.given })) };
  return { ...toPipelineFile(config, steps, decode.elements, tree, path), written };
}

function invalid(
  path: string,
  mistakes: readonly Mistake[],
  others: readonly FileMistakes[] = [],
  included: readonly string[] = [],
): WeirError {
  const lines = new Set([{ path, mistakes }, ...others].flatMap(toLines));
  const shown = [...lines].slice(0, maxMistakes);
  if (lines.size > maxMistakes) shown.push(`${path}: and ${lines.size - maxMistakes} more`);
  return new WeirError('pipeline-invalid', shown.join('\n'), {
    context: { mistakes: lines.size, ...(included.length > 0 && { included: included.join('\n') }) },
  });
}

function toLines({ path, mistakes }: FileMistakes): string[] {
  return mistakes
    .map(withoutQuotes)
    .toSorted((a, b) => (a.file ?? '').localeCompare(b.file ?? '') || a.line - b.line || a.column - b.column)
    .map((mistake) => `${placeText(mistake, path)} ${mistake.message}`);
}

/** Logs are read by others. */
function withoutQuotes(mistake: Mistake): Mistake {
  const { file } = mistake;
  if (file === undefined || isYamlName(file)) return mistake;
  return {
    file,
    line: mistake.line,
    column: 1,
    message:
      'what this file has in it does not fit here; it is not shown, nor read as YAML, for its name does not end in .yml or .yaml',
  };
}

/** Settings that are right alone and wrong together. */
function contradictions(config: PipelineConfig, tree: YamlTree): Mistake[] {
  const mistakes: Mistake[] = [];
  const add = (path: readonly PropertyKey[], message: string) => mistakes.push({ ...tree.placeOf(path), message });
  for (const { path, message } of collectContradictions(config)) add(path, message);
  for (const { path, message } of queueContradictions(config.queue, config.batch.bytes)) add(path, message);
  for (const [index, { record }] of config.tests.entries()) {
    if (record.agent === undefined || record.protocol === 'sflow5') continue;
    add(['tests', index, 'record', 'agent'], 'record.agent: only sflow5 has an agent in its header');
  }
  for (const { path, message } of elasticsearchContradictions(config.index.elasticsearch, config.index.name))
    add(path, message);
  for (const { path, message } of kibanaContradictions(config.kibana)) add(path, message);
  for (const { path, message } of telemetryContradictions(config.telemetry)) add(path, message);
  return mistakes;
}

function toPipelineFile(
  config: PipelineConfig,
  steps: PipelineStep[],
  elements: readonly ElementDefinition[],
  tree: YamlTree,
  path: string,
): Omit<PipelineFile, 'written'> {
  const folder = dirname(resolve(path));
  const { files, name: indexName } = config.index;
  const elasticsearch = toElasticsearchTarget(config.index.elasticsearch, folder);
  const kibana = toKibanaSettings(config.kibana, folder);
  return {
    name: config.name,
    listen: config.listen,
    collect: toCollectSettings(config.collect, folder),
    decode: { elements, tunnels: config.decode.tunnels },
    batch: { maxRecords: config.batch.records, maxBytes: config.batch.bytes, maxAgeMs: config.batch.age },
    queue: toQueueSettings(config.queue, folder),
    state: { directory: config.state },
    telemetry: toTelemetrySettings(config.telemetry),
    steps,
    index: {
      name: indexName,
      ...(elasticsearch !== undefined && { elasticsearch }),
      files: { directory: files.directory, maxFileBytes: files.max_bytes },
    },
    ...(kibana !== undefined && { kibana }),
    tests: config.tests.map((test, index) => ({
      name: test.name,
      record: toTestRecord(test.record),
      fieldsPlace: tree.placeOfKey(['tests', index, 'record', 'fields']),
      expectPlace: tree.placeOfKey(['tests', index, 'expect']),
      expect: toExpected(tree, index, test.expect),
    })),
    folder,
    path,
    hidden: tree.hidden,
    files: [path, ...tree.includedPaths],
  };
}

function toExpected(
  tree: YamlTree,
  test: number,
  expect: PipelineConfig['tests'][number]['expect'],
): readonly ExpectedDocument[] {
  if (expect === 'dropped') return [];
  const path = ['tests', test, 'expect'];
  const placed = (fields: ExpectedDocument['fields'], at: readonly (string | number)[]): ExpectedDocument => ({
    fields,
    places: new Map(Object.keys(fields).map((field) => [field, tree.placeOfKey([...at, field])])),
  });
  return Array.isArray(expect)
    ? expect.map((fields, index) => placed(fields, [...path, index]))
    : [placed(expect, path)];
}

function toTestRecord(record: PipelineConfig['tests'][number]['record']): TestRecord {
  const { protocol, exporter, fields, domain, sequence, agent } = record;
  const receivedAtMs = record.received_at === undefined ? undefined : Date.parse(record.received_at);
  const exportedAtMs = record.exported_at === undefined ? receivedAtMs : Date.parse(record.exported_at);
  return {
    protocol,
    exporter,
    fields,
    ...(record.sampling_interval !== undefined && { samplingInterval: record.sampling_interval }),
    ...(agent !== undefined && { agent }),
    header: {
      ...(domain !== undefined && { domain }),
      ...(sequence !== undefined && { sequence }),
      ...(receivedAtMs !== undefined && { receivedAtMs }),
      ...(exportedAtMs !== undefined && { exportedAtMs }),
      ...(record.uptime_ms !== undefined && { sysUptimeMs: record.uptime_ms }),
    },
  };
}
