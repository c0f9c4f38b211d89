// Names of the files that the NDJSON sink writes: flows-<UTC day>-<number>.ndjson, with .part behind it while it is written.

export interface NdjsonFileName {
  /** "2026.11.24" */
  readonly day: string;
  readonly number: number;
}

export const partEnding = '.part';
const pattern = /^flows-(\d{4}\.\d\d\.\d\d)-(\d{6,15})\.ndjson(\.part)?$/;

export function toNdjsonName({ day, number }: NdjsonFileName): string {
  return `flows-${day}-${String(number).padStart(6, '0')}.ndjson`;
}

/** "2026.11.24", UTC. */
export function toDay(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10).replaceAll('-', '.');
}

/** The files that are still (or were, before a crash) being written. */
export function partsIn(names: readonly string[]): string[] {
  return names.filter((name) => pattern.exec(name)?.[3] !== undefined);
}

/** Undefined for files that are not ours. */
export function readNdjsonName(name: string): NdjsonFileName | undefined {
  const [, day, number] = pattern.exec(name) ?? [];
  return day === undefined ? undefined : { day, number: Number(number) };
}

/** A number of that day that no file has, finished or not. */
export function nextNumber(names: readonly string[], day: string): number {
  let highest = 0;
  for (const name of names) {
    const match = pattern.exec(name);
    if (match?.[1] === day) highest = Math.max(highest, Number(match[2]));
  }
  return highest + 1;
}
