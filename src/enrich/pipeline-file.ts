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
  /** Where each field of the record is written. */
  readonly fieldPlaces: ReadonlyMap<string, Place>;
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

/** A file that is wrong. */
export interface WrongPipelineFile extends Pick<PipelineFile, 'folder' | 'path'> {
  /** Lists every mistake. */
  readonly error: WeirError;
  /** Those that are right: their files may be wrong, too. */
  readonly steps: readonly PipelineStep[];
}

/** Throws the WeirError of a wrong file. */
export function readPipelineFile(text: string, options: PipelineFileOptions): PipelineFile {
  const file = examinePipelineFile(text, options);
  if ('error' in file) throw file.error;
  return file;
}

export function examinePipelineFile(text: string, options: PipelineFileOptions): PipelineFile | WrongPipelineFile {
  const { path } = options;
  const wrong = (error: WeirError, steps: readonly PipelineStep[] = []): WrongPipelineFile => {
    return { error, steps, folder: dirname(resolve(path)), path };
  };
  if (Buffer.byteLength(text) > maxPipelineFileBytes) {
    const message = 'the file is larger than 1 MiB: is it a pipeline file?';
    return wrong(invalid(path, [{ line: 1, column: 1, message }]));
  }
  // YAML 1.2 §5.1 has no NUL: of a database or a program the parser would complain line by line.
  if (text.includes('\0')) {
    const message = 'the file is no text: is it a pipeline file?';
    return wrong(invalid(path, [{ line: 1, column: 1, message }]));
  }
  const tree = readYaml(text, options.environment, path);
  // What follows a syntax error is guesswork of the parser: settle the syntax first.
  if (tree.syntaxErrors.length > 0) return wrong(invalid(path, tree.syntaxErrors, [], tree.includedPaths));
  if (tree.value === undefined || tree.value === null) {
    const message = 'the file is empty; the shortest pipeline is "name: flow" and "steps: []"';
    return wrong(invalid(path, [...tree.mistakes, { line: 1, column: 1, message }], [], tree.includedPaths));
  }
  // Of a file that is far too big, what follows would be about its rest.
  if (tree.isTooBig) return wrong(invalid(path, tree.mistakes));
  const checked = check(pipelineSchema, tree.value, tree, [], '');
  const { steps, mistakes: stepMistakes } = readSteps(tree, options.stepDefinitions);
  const config = 'data' in checked ? (checked.data as PipelineConfig) : undefined;
  const alone = [...tree.mistakes, ...('mistakes' in checked ? checked.mistakes : []), ...stepMistakes];
  // Of more nobody would read.
  const right = alone.length > maxMistakes ? {} : rightSections(config, tree);
  const decode = right.decode && readDecodeSection(right.decode, tree, path);
  const mistakes = [...alone, ...contradictions(right, tree), ...(decode?.mistakes ?? [])];
  const fileMistakes = decode?.fileMistakes ?? [];
  if (mistakes.length + fileMistakes.length > 0 || config === undefined || decode === undefined) {
    return wrong(invalid(path, mistakes, fileMistakes, tree.includedPaths), steps);
  }
  const given = 'data' in checked ? (checked.given as object) : {};
  const written = { ...given, steps: steps.map((step) => ({ [step.name]: step.given })) };
  return { ...toPipelineFile(config, steps, decode.elements, tree, path), written };
}

/** Sections without a mistake; `config`: the whole file, where nothing in it is of a wrong type. */
function rightSections(config: PipelineConfig | undefined, tree: YamlTree): Partial<PipelineConfig> {
  const given = tree.value as Readonly<Record<string, unknown>>;
  const sections = Object.entries(pipelineSchema.shape).flatMap(([key, schema]): (readonly [string, unknown])[] => {
    if (tree.isBrokenWithin(key)) return [];
    if (config !== undefined) return [[key, config[key as keyof PipelineConfig]]];
    const checked = check(schema, given[key], tree, [key], key);
    return 'data' in checked ? [[key, checked.data]] : [];
  });
  return Object.fromEntries(sections);
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

interface Contradiction {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

interface ContradictionRule {
  /** What it looks at: where one of them is wrong, it would be about what is not meant. */
  readonly sections: readonly (keyof PipelineConfig)[];
  readonly find: (config: PipelineConfig) => readonly Contradiction[];
}

/** Settings that are right alone and wrong together. */
const contradictionRules: readonly ContradictionRule[] = [
  { sections: ['listen', 'collect', 'queue'], find: collectContradictions },
  { sections: ['queue', 'batch'], find: ({ queue, batch }) => queueContradictions(queue, batch.bytes) },
  { sections: ['index'], find: ({ index }) => elasticsearchContradictions(index.elasticsearch, index.name) },
  { sections: ['kibana'], find: ({ kibana }) => kibanaContradictions(kibana) },
  { sections: ['telemetry'], find: ({ telemetry }) => telemetryContradictions(telemetry) },
  {
    sections: ['tests'],
    find: ({ tests }) =>
      tests.flatMap(({ record }, index) =>
        record.agent === undefined || record.protocol === 'sflow5'
          ? []
          : [
              {
                path: ['tests', index, 'record', 'agent'],
                message: 'record.agent: only sflow5 has an agent in its header',
              },
            ],
      ),
  },
];

function contradictions(right: Partial<PipelineConfig>, tree: YamlTree): Mistake[] {
  return contradictionRules.flatMap(({ sections, find }) => {
    if (!sections.every((section) => section in right)) return [];
    return find(right as PipelineConfig).map(({ path, message }) => ({ ...tree.placeOf(path), message }));
  });
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
      fieldPlaces: placesOfKeys(tree, ['tests', index, 'record', 'fields'], test.record.fields),
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
    places: placesOfKeys(tree, at, fields),
  });
  return Array.isArray(expect)
    ? expect.map((fields, index) => placed(fields, [...path, index]))
    : [placed(expect, path)];
}

function placesOfKeys(tree: YamlTree, at: readonly (string | number)[], mapping: object): ReadonlyMap<string, Place> {
  return new Map(Object.keys(mapping).map((key) => [key, tree.placeOfKey([...at, key])]));
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
