// The types of settings in the pipeline file that occur more than once, with what is said when a value is none of them.

import { z } from 'zod';
import { readPrefix } from './prefix-table.ts';
import { fromBytes, fromMs, toBytes, toMs } from './quantities.ts';

/** For the JSON Schema; a variable may stand anywhere in a text. What counts is quantities.ts. */
const amount = '\\d{1,15}(\\.\\d{1,6})? ?';
const sizePattern = `^\\s*${amount}([kKmMgGtT][iI]?)?[bB]?\\s*$|\\$\\{`;
const durationUnits = ['[dD]', '[hH]', '[mM]([iI][nN])?', '[sS]([eE][cC])?', '[mM][sS]'];
const durationPattern = `^\\s*(?=\\d)${durationUnits.map((unit) => `(${amount}${unit} ?)?`).join('')}\\s*$|\\$\\{`;

/** For the JSON Schema of a text: its form, unless a variable stands in it. */
export function textPattern(pattern: string): { readonly pattern: string } {
  return { pattern: `${pattern}|\\$\\{` };
}

export function size(min: number, max: number) {
  return z
    .union([z.string().meta({ pattern: sizePattern }), z.number()], { error: 'expected a size such as "64MiB"' })
    .transform((text, context) => {
      const bytes = toBytes(text);
      if (bytes !== undefined && bytes >= min && bytes <= max) return bytes;
      const message =
        bytes === undefined
          ? 'expected a size such as "64MiB" (KB, MB, GB, TB, KiB, MiB, GiB, TiB)'
          : `expected a size from ${fromBytes(min)} to ${fromBytes(max)}`;
      context.issues.push({ code: 'custom', message, input: text });
      return z.NEVER;
    });
}

export function duration(min: number, max: number) {
  return z
    .string({ error: 'expected a duration with its unit, such as "200ms"' })
    .meta({ pattern: durationPattern })
    .transform((text, context) => {
      const ms = toMs(text);
      if (ms !== undefined && ms >= min && ms <= max) return ms;
      const message =
        ms === undefined
          ? 'expected a duration such as "200ms" (ms, s, m, h, d)'
          : `expected a duration from ${fromMs(min)} to ${fromMs(max)}`;
      context.issues.push({ code: 'custom', message, input: text });
      return z.NEVER;
    });
}

export function whole(min: number, max: number) {
  return z
    .number({ error: `expected a whole number from ${min} to ${max}` })
    .refine((value) => Number.isInteger(value) && value >= min && value <= max, {
      error: `expected a whole number from ${min} to ${max}`,
    })
    .meta({ type: 'integer', minimum: min, maximum: max });
}

export function words(what: string) {
  return z.string({ error: `expected ${what}` }).min(1, { error: `expected ${what}` });
}

const isOneLine = z.refine((text) => !/\p{Cc}/u.test(String(text)), {
  error: 'expected the path of a file, not a text of several lines',
});

/** `what` says of what: "the path of a PEM file". */
export function filePath(what: string) {
  return words(what).check(isOneLine);
}

export function isFilePath(schema: z.core.$ZodType): boolean {
  return schema instanceof z.core.$ZodString && schema._zod.def.checks?.includes(isOneLine) === true;
}

/** A key of a mapping is wrong, whatever its value: told at the key, and the value is not shown. */
export function keyMistake(
  context: z.core.$RefinementCtx<unknown>,
  input: unknown,
  path: readonly string[],
  message: string,
): void {
  context.addIssue({ code: 'invalid_key', origin: 'record', issues: [], path: [...path], input, message });
}

/** Of the authority that signed a server's certificate. */
export function fingerprint() {
  return words('a SHA-256 fingerprint').refine((text) => /^(?:[0-9a-f]{2}:?){31}[0-9a-f]{2}$/i.test(text), {
    error: 'expected a SHA-256 fingerprint: 64 hex digits, with or without ":"',
  });
}

/** One or a list of them. */
export function oneOrMore<T extends z.ZodType>(item: T, what: string) {
  return z
    .union([item, z.array(item)], { error: `expected ${what}, or a list of them` })
    .transform((value): z.output<T>[] => (Array.isArray(value) ? value : [value as z.output<T>]));
}

/** For the JSON Schema: the digits and the length of either kind, or a variable. */
const subnetPattern =
  '^([0-9.]+(/([0-2]?[0-9]|3[0-2]))?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(/(12[0-8]|1[01][0-9]|[0-9]{1,2}))?)$|\\$\\{';

export const subnet = z
  .string({ error: 'expected a subnet such as "10.0.0.0/8", or an address' })
  .refine((text) => readPrefix(text) !== undefined, { error: 'expected a subnet such as "10.0.0.0/8", or an address' })
  .meta({ pattern: subnetPattern });

/** ifIndex is 32 bits wide (RFC 2863). */
export const interfaceKey = z
  .string()
  .refine((text) => /^\d{1,10}$/.test(text) && Number(text) < 2 ** 32, { error: 'expected an interface number' })
  .meta({ pattern: '^\\d{1,10}$' });

/** Subnets and addresses, or one of them. */
export function subnets() {
  return oneOrMore(subnet, 'a subnet such as "10.0.0.0/8", or an address');
}

/** A map by subnet, longest prefix first; no subnet may be there twice, in whatever spelling. */
export function subnetMap<T extends z.ZodType>(value: T, error: string) {
  return z.record(subnet, value, { error }).superRefine(noTwins(subnetKey, 'subnet'));
}

/** A map by interface number. */
export function interfaceMap<T extends z.ZodType>(value: T, error?: string) {
  return z.record(interfaceKey, value, { error }).superRefine(noTwins(numberKey, 'interface'));
}

/** The same for `1` and `01`. */
export function numberKey(text: string): string | undefined {
  return /^\d{1,15}$/.test(text) ? String(Number(text)) : undefined;
}

/** For `superRefine` of a map: no key may say again what an earlier one says (`twinsIn`). */
export function noTwins(toIdentity: (key: string) => string | undefined, noun: string) {
  return (entries: object, context: z.core.$RefinementCtx<unknown>): void => {
    for (const { key, message } of twinsIn(Object.keys(entries), toIdentity, noun))
      keyMistake(context, entries, [key], message);
  };
}

/** The same for `10.0.0.0/8` and `10.1.2.3/8`, for IPv6 in all its spellings, and for IPv4-mapped IPv6. */
export function subnetKey(text: string): string | undefined {
  const prefix = readPrefix(text);
  return prefix && `${prefix.bits} ${prefix.address}/${prefix.length}`;
}

/** Keys that say again what an earlier one says. `toIdentity`: undefined for what is no key at all. */
export function twinsIn(
  keys: readonly string[],
  toIdentity: (key: string) => string | undefined,
  noun: string,
): readonly { readonly key: string; readonly message: string }[] {
  const seen = new Map<string, string>();
  return keys.flatMap((key) => {
    const identity = toIdentity(key);
    const first = identity === undefined ? undefined : seen.get(identity);
    if (identity !== undefined && first === undefined) seen.set(identity, key);
    return first === undefined ? [] : [{ key, message: `the same ${noun} as ${JSON.stringify(first)}` }];
  });
}

export const flag = () => z.boolean({ error: 'expected true or false' });
