// Measures that are made of other measures: names → what they stand for.

import { didYouMean } from '../../src/enrich/did-you-mean.ts';
import type { Path } from '../../src/enrich/pipeline-yaml.ts';
import type { MeasureConfig } from './definition-schema.ts';
import type { NamedFilter } from './definitions.ts';
import { type Measure, toMeasure } from './measures.ts';

type Report = (path: Path, message: string) => void;

/** A measure is made only of such as are made of none. */
export function toMeasures(
  configs: Readonly<Record<string, MeasureConfig>>,
  filters: ReadonlyMap<string, NamedFilter>,
  report: Report,
): Map<string, Measure> {
  const simple = new Map(
    Object.entries(configs).flatMap(([name, config]) => {
      if (config.add !== undefined || config.intervals !== undefined) return [];
      const measure = toMeasure(name, config);
      if (config.filter === undefined) return [[name, measure] as const];
      const filter = filters.get(config.filter);
      if (filter === undefined) report(['measures', name, 'filter'], toUnknown('filter', config.filter, filters));
      return [[name, { ...measure, ...(filter !== undefined && { filter: filter.config }) }] as const];
    }),
  );

  function find(wanted: string, path: Path): Measure[] {
    const found = simple.get(wanted);
    if (found === undefined) report(path, toUnknown('measure', wanted, simple));
    return found === undefined ? [] : [found];
  }

  function toMade(name: string, config: MeasureConfig): Measure {
    const measure = toMeasure(name, config);
    const { add = [], less = [], over = [], rest, intervals } = config;
    if (intervals !== undefined) {
      const [of] = find(intervals.of, ['measures', name, 'intervals', 'of']);
      const [whole] = intervals.over === undefined ? [] : find(intervals.over, ['measures', name, 'intervals', 'over']);
      if (of === undefined) return measure;
      const { statistic } = intervals;
      return { ...measure, intervals: { of, statistic, ...(whole !== undefined && { over: whole }) } };
    }
    const toParts = (key: string, names: readonly string[]) =>
      names.flatMap((each, index) => find(each, ['measures', name, key, index]));
    const derived = { add: toParts('add', add), less: toParts('less', less), over: toParts('over', over) };
    return { ...measure, derived: { ...derived, isRest: rest === true } };
  }

  return new Map(Object.entries(configs).map(([name, config]) => [name, simple.get(name) ?? toMade(name, config)]));
}

export function toUnknown(what: string, name: string, known: ReadonlyMap<string, unknown>): string {
  return `unknown ${what} ${JSON.stringify(name)}${didYouMean(name, [...known.keys()], `the ${what}s are`)}`;
}
