// Sizes and durations as people write them in the pipeline file: "64MiB", "500K", "200ms", "1h30m".

const bytesPer: Readonly<Record<string, number>> = {
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 2 ** 10,
  mi: 2 ** 20,
  gi: 2 ** 30,
  ti: 2 ** 40,
};

const msPer: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1e3,
  sec: 1e3,
  m: 60e3,
  min: 60e3,
  h: 3600e3,
  d: 86_400e3,
};

/** Bytes, rounded; undefined when the text is no size. A number without a unit is bytes. */
export function toBytes(text: string | number): number | undefined {
  if (typeof text === 'number') return Number.isInteger(text) && text >= 0 ? text : undefined;
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-z]{0,2}?)b?$/i.exec(text.trim());
  return match === null ? undefined : rounded(Number(match[1]) * (match[2] === '' ? 1 : unitOf(bytesPer, match[2])));
}

/**
 * Milliseconds, rounded; undefined when the text is no duration. There is no unit to guess: it must be written. Several go from large to
 * small, "1h30m".
 */
export function toMs(text: string): number | undefined {
  let rest = text.trim();
  let sum = 0;
  let last = Number.POSITIVE_INFINITY;
  do {
    const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-z]{1,3}) ?/i.exec(rest);
    const factor = unitOf(msPer, match?.[2]);
    if (match === null || !(factor < last)) return undefined;
    sum += Number(match[1]) * factor;
    last = factor;
    rest = rest.slice(match[0].length);
  } while (rest !== '');
  return rounded(sum);
}

/** Not a number: there is no such unit. */
function unitOf(units: Readonly<Record<string, number>>, name = ''): number {
  const unit = name.toLowerCase();
  return Object.hasOwn(units, unit) ? units[unit]! : Number.NaN;
}

function rounded(value: number): number | undefined {
  const whole = Math.round(value);
  return Number.isSafeInteger(whole) ? whole : undefined;
}

/** The largest unit that leaves no fraction: 1048576 is "1MiB". */
export function fromBytes(bytes: number): string {
  for (const [unit, factor] of [
    ['TiB', 2 ** 40],
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}B`;
}

/** The largest unit that leaves no fraction: 60000 is "1m". */
export function fromMs(ms: number): string {
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const factor = msPer[unit]!;
    if (ms >= factor && ms % factor === 0) return `${ms / factor}${unit}`;
  }
  return `${ms}ms`;
}
