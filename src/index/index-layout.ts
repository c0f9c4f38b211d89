// How the indices of flows are named on the server: one a day where `index.name` has a time, a series by size (index-series.ts) where
// `roll_over_at` is given, or one for ever.

import { createIndexNaming, type IndexNaming } from './index-name.ts';
import { firstIndex, startOfIndex } from './index-series.ts';

export interface IndexLayoutOptions {
  /** `index.name` of the pipeline file. */
  readonly indexName: string;
  /** A new index begins at this size. */
  readonly rollOverBytes?: number;
  readonly now: () => number;
}

export interface IndexLayout {
  readonly naming: IndexNaming;
  readonly isRollover: boolean;
  /** All indices of flows: `weir-flow-*`. */
  readonly pattern: string;
  /** What documents of now are sent to: an index, or the pattern of the series. */
  writeTarget(): string;
  /** False for what only happens to match the pattern. */
  isOwn(index: string): boolean;
  /** An index that the template must be the one for. */
  sampleIndex(): string;
  /** The first day (ms since 1970) that is not in the index any more; undefined where the name does not say it. */
  endOfDay(index: string): number | undefined;
}

const dayMs = 86_400_000;

export function createIndexLayout({ indexName, rollOverBytes, now }: IndexLayoutOptions): IndexLayout {
  const naming = createIndexNaming(indexName, now);
  const isRollover = rollOverBytes !== undefined;
  const readDay = createDayReader(indexName);
  return {
    naming,
    isRollover,
    pattern: isRollover ? `${indexName}-*` : naming.wildcard,
    writeTarget: () => (isRollover ? `${indexName}-*` : naming.toIndexName(now())),
    isOwn: (index) => !isRollover || startOfIndex(indexName, index) !== undefined,
    sampleIndex: () => (isRollover ? firstIndex(indexName) : naming.toIndexName(now())),
    endOfDay: readDay,
  };
}

/** `weir-flow-%{yyyy.MM.dd}`: the name → the end of its day; `%{yyyy.MM}`: of its month. */
function createDayReader(indexName: string): (index: string) => number | undefined {
  const order: string[] = [];
  const source = indexName
    .split(/%\{([^}]*)\}/)
    .map((part, at) =>
      at % 2 === 0
        ? quote(part)
        : part
            .split(/(yyyy|MM|dd)/)
            .map((word) => (/^(?:yyyy|MM|dd)$/.test(word) ? group(word, order) : quote(word)))
            .join(''),
    )
    .join('');
  const pattern = new RegExp(`^${source}$`);
  return (index) => {
    const match = pattern.exec(index);
    if (match === null || !order.includes('yyyy')) return undefined;
    const numberAt = (word: string) => (order.includes(word) ? Number(match[order.indexOf(word) + 1]) : undefined);
    const [year = 0, month, day] = [numberAt('yyyy'), numberAt('MM'), numberAt('dd')];
    if (day !== undefined && month !== undefined) return Date.UTC(year, month - 1, day) + dayMs;
    return month === undefined ? Date.UTC(year + 1, 0) : Date.UTC(year, month);
  };
}

function group(word: string, order: string[]): string {
  order.push(word);
  return word === 'yyyy' ? '(\\d{4})' : '(\\d\\d)';
}

function quote(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
