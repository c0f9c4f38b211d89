// Sizes and durations as people write them in the pipeline file: "64MiB", "500KB", "200ms", "5m".

const bytesPer: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

const msPer: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86_400e3 };

/** Bytes, rounded; undefined when the text is no size. A number without a unit is bytes. */
export function toBytes(text: string | number): number | undefined {
  if (typeof text === 'number') return Number.isInteger(text) && text >= 0 ? text : undefined;
  return quantity(text, bytesPer, 'b');
}

/** Milliseconds, rounded; undefined when the text is no duration. There is no unit to guess: it must be written. */
export function toMs(text: string): number | undefined {
  return quantity(text, msPer, undefined);
}

function quantity(
  text: string,
  units: Readonly<Record<string, number>>,
  unitless: string | undefined,
): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,6})?) ?([a-zA-Z]{0,3})$/.exec(text.trim());
  if (match === null) return undefined;
  const unit = match[2] === '' ? unitless : match[2]!.toLowerCase();
  const factor = unit === undefined || !Object.hasOwn(units, unit) ? undefined : units[unit];
  if (factor === undefined) return undefined;
  const value = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(value) ? value : undefined;
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
