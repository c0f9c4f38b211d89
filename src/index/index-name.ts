// The name of a document's index from its own time: "weir-flow-%{yyyy.MM.dd}" → "weir-flow-2026.11.24" (UTC), so that an
// attempt past midnight goes to the same index as the first (design: exactly once).

import { WeirError } from '../model/errors.ts';

export interface IndexNaming {
  /** The index of a document of this time (ms since 1970). The same string object for documents of the same day. */
  toIndexName(timeMs: number): string;
  /** What all indices of this pattern match: for the template. */
  readonly wildcard: string;
  /** The pattern without its time: names the template. */
  readonly base: string;
}

const dayMs = 86_400_000;
/** 9999-12-31: beyond it an ISO date has more than four digits of year. */
const lastDay = 2_932_896;
/** A clock that is off by less is a clock; a batch may also have waited on the queue. */
const nearDays = 31;
/** Each day of a broken (or hostile) clock would be an index, until the cluster has no shard left: so many, and no more. */
const maxFarDays = 32;
/** In the place of the day for documents of further days. */
const otherDays = 'other';
const timePattern = /%\{([^}]*)\}/g;
const timeParts = /yyyy|MM|dd/g;
/** Elasticsearch 7: lower case, none of \ / * ? " < > | space , # :, not . or .., not beginning with - _ +. */
const allowedName = /^(?![-_+])(?!\.\.?$)[^\\/*?"<>|\s,#:A-Z%{}]{1,200}$/;

export function createIndexNaming(pattern: string, now: () => number): IndexNaming {
  checkPattern(pattern);
  const nearNames = new Map<number, string>();
  const farNames = new Map<number, string>();
  const otherName = pattern.replace(timePattern, otherDays);

  function toFarName(day: number): string {
    const known = farNames.get(day);
    if (known !== undefined) return known;
    if (farNames.size >= maxFarDays) return otherName;
    const name = formatDay(pattern, day);
    farNames.set(day, name);
    return name;
  }

  return {
    toIndexName(timeMs) {
      // A time that is none (an exporter's broken clock) still needs an index, the same one at each attempt.
      const day = timeMs >= 0 && timeMs < (lastDay + 1) * dayMs ? Math.floor(timeMs / dayMs) : 0;
      const known = nearNames.get(day);
      if (known !== undefined) return known;
      if (Math.abs(day - Math.floor(now() / dayMs)) > nearDays) return toFarName(day);
      if (nearNames.size > 2 * nearDays) nearNames.clear();
      const name = formatDay(pattern, day);
      nearNames.set(day, name);
      return name;
    },
    wildcard: pattern.replace(/%\{.*\}/, '*'),
    base: pattern.replace(/[-_.]*%\{.*$/, ''),
  };
}

function formatDay(pattern: string, day: number): string {
  const [year = '', month = '', dayOfMonth = ''] = new Date(day * dayMs).toISOString().slice(0, 10).split('-');
  return pattern.replace(timePattern, (_, format: string) =>
    format.replace(timeParts, (part) => (part === 'yyyy' ? year : part === 'MM' ? month : dayOfMonth)),
  );
}

function checkPattern(pattern: string): void {
  const formats = [...pattern.matchAll(timePattern)].map((match) => match[1] ?? '');
  const foreign = formats.find((format) => /[A-Za-z]/.test(format.replace(timeParts, '')));
  if (foreign !== undefined)
    throw new WeirError('pipeline-invalid', `the index name has a time format that weir does not know: %{${foreign}}`, {
      hint: 'Use yyyy, MM and dd, e.g. weir-flow-%{yyyy.MM.dd}.',
    });
  if (!allowedName.test(formatDay(pattern, 0)) || pattern.startsWith('%'))
    throw new WeirError('pipeline-invalid', `Elasticsearch does not allow the index name ${pattern}`, {
      hint: 'Lower-case letters, digits, "-", "_" and ".", beginning with a letter, e.g. weir-flow-%{yyyy.MM.dd}.',
    });
}
