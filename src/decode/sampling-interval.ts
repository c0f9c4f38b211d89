// The parameters of a sampler to the interval that its flows are scaled by: RFC 3954 §8 (34, 50), RFC 5477 §8.2 (304-311),
// RFC 7014 (396-399). docs/sampling.md has the table.

import type { FieldValue, Row } from '../model/record.ts';

/** Column numbers of an options layout; undefined where it has no such column. */
export interface SamplingColumns {
  readonly interval: number | undefined;
  readonly randomInterval: number | undefined;
  readonly algorithm: number | undefined;
  /** Taken in a row, then left out: packets (count-based), microseconds (time-based), flows, milliseconds of flows. */
  readonly runs: readonly (readonly [taken: number, left: number, algorithm: number | undefined])[];
  readonly size: number | undefined;
  readonly population: number | undefined;
  readonly probability: number | undefined;
}

/** selectorAlgorithm (IANA "PSAMP selectorAlgorithm"). */
const algorithms = { countBased: 1, timeBased: 2, sizeOfPopulation: 3, probability: 4 } as const;

/** undefined: records with these columns say nothing of sampling. */
export function toSamplingColumns(columnOf: ReadonlyMap<string, number>): SamplingColumns | undefined {
  const runs = (
    [
      ['samplingPacketInterval', 'samplingPacketSpace', algorithms.countBased],
      ['samplingTimeInterval', 'samplingTimeSpace', algorithms.timeBased],
      ['samplingFlowInterval', 'samplingFlowSpacing', undefined],
      ['flowSamplingTimeInterval', 'flowSamplingTimeSpacing', undefined],
    ] as const
  ).flatMap(([taken, left, algorithm]) => {
    const [takenAt, leftAt] = [columnOf.get(taken), columnOf.get(left)];
    return takenAt === undefined || leftAt === undefined ? [] : [[takenAt, leftAt, algorithm] as const];
  });
  const columns: SamplingColumns = {
    interval: columnOf.get('samplingInterval'),
    randomInterval: columnOf.get('samplerRandomInterval'),
    algorithm: columnOf.get('selectorAlgorithm'),
    runs,
    size: columnOf.get('samplingSize'),
    population: columnOf.get('samplingPopulation'),
    probability: columnOf.get('samplingProbability'),
  };
  const { algorithm: _algorithm, runs: _runs, ...parameters } = columns;
  return runs.length > 0 || Object.values(parameters).some((column) => column !== undefined) ? columns : undefined;
}

/** 1 out of how many packets, or undefined: the record doesn't say. */
export function toSamplingInterval(columns: SamplingColumns, row: Row): number | undefined {
  const interval = toNumber(row, columns.interval);
  if (interval !== undefined && interval > 0) return interval;
  const random = toNumber(row, columns.randomInterval);
  if (random !== undefined && random > 0) return random;
  // The algorithm says which parameters are meant where a record has several; a wrong or unknown one says nothing.
  const algorithm = toNumber(row, columns.algorithm);
  return (algorithm === undefined ? undefined : ofAlgorithm(columns, row, algorithm)) ?? ofAny(columns, row);
}

function ofAlgorithm(columns: SamplingColumns, row: Row, algorithm: number): number | undefined {
  if (algorithm === algorithms.sizeOfPopulation) return ofPopulation(columns, row);
  if (algorithm === algorithms.probability) return ofProbability(columns, row);
  const run = columns.runs.find((candidate) => candidate[2] === algorithm);
  return run === undefined ? undefined : ofRun(row, run);
}

function ofAny(columns: SamplingColumns, row: Row): number | undefined {
  const known = ofPopulation(columns, row);
  if (known !== undefined) return known;
  for (const run of columns.runs) {
    const interval = ofRun(row, run);
    if (interval !== undefined) return interval;
  }
  return ofProbability(columns, row);
}

function ofPopulation({ size: sizeAt, population: populationAt }: SamplingColumns, row: Row): number | undefined {
  const size = toNumber(row, sizeAt);
  const population = toNumber(row, populationAt);
  const isMeant = population !== undefined && size !== undefined && size > 0 && population >= size;
  return isMeant ? population / size : undefined;
}

function ofRun(row: Row, [takenAt, leftAt]: SamplingColumns['runs'][number]): number | undefined {
  const taken = toNumber(row, takenAt);
  const left = toNumber(row, leftAt);
  return taken !== undefined && left !== undefined && taken > 0 ? (taken + left) / taken : undefined;
}

function ofProbability({ probability: at }: SamplingColumns, row: Row): number | undefined {
  const probability = toNumber(row, at);
  return probability !== undefined && probability > 0 && probability <= 1 ? 1 / probability : undefined;
}

/** Of a repeated element the first value counts. */
export function toNumber(row: Row, column: number | undefined): number | undefined {
  const value = toFirst(row, column);
  return typeof value === 'number' ? value : undefined;
}

export function toFirst(row: Row, column: number | undefined): FieldValue {
  if (column === undefined) return null;
  const value = row[column] ?? null;
  return Array.isArray(value) ? ((value as readonly FieldValue[])[0] ?? null) : value;
}
