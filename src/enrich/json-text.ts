// Values as JSON text. Whatever comes in, valid JSON comes out (RFC 8259); `undefined` means: leave the field out.
// The text of documents is byte text: each character stands for one byte of UTF-8. A document in Latin-1 is then copied into the
// buffer as it is, at half the price of encoding it. `quoted` is where other text comes in.

import type { ColumnType, FieldValue } from '../model/record.ts';
import { toIPv4Text, toMacText } from './address-text.ts';

/** Lucene refuses a term above 32,766 bytes, and with it the document; a UTF-16 unit takes up to 3 bytes of UTF-8. */
const maxTextLength = 10_900;

/** What a `long` of Elasticsearch holds; a document with a number beyond is refused, so the field goes. */
const maxLong = 9_223_372_036_854_775_807n;
const minLong = -9_223_372_036_854_775_808n;

const decimal = /^-?\d{1,20}$/;

const beyondAscii = /[\u0080-\uffff]/;

/** As byte text. */
export function quoted(text: string): string {
  // JSON.stringify escapes quotes, control characters and lone surrogates, so that the bytes are valid UTF-8.
  const json = JSON.stringify(text.length > maxTextLength ? text.slice(0, maxTextLength) : text);
  return beyondAscii.test(json) ? Buffer.from(json, 'utf8').toString('latin1') : json;
}

/**
 * Names of ports, systems and the like come again and again. One place for texts that end alike; a newcomer takes the place of what
 * stood there. All ports of TCP fit, with their names 5 MB; at worst it is 25 MB.
 */
const quotedPlaces = 65_536;
const maxRememberedLength = 128;
/** Empty until the first text. */
const quotedTexts: string[] = [];
const quotedJson: string[] = [];

/** `quoted`, remembered. */
export function quotedAgain(text: string): string {
  const { length } = text;
  if (length > maxRememberedLength) return quoted(text);
  let hash = length;
  for (let i = Math.max(0, length - 6); i < length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  const place = (hash ^ (hash >>> 15)) & (quotedPlaces - 1);
  if (quotedTexts[place] === text) return quotedJson[place]!;
  if (quotedTexts.length === 0) makePlaces();
  quotedTexts[place] = text;
  quotedJson[place] = quoted(text);
  return quotedJson[place];
}

/** 1 MB, which an idle weir does not need. */
function makePlaces(): void {
  for (let place = 0; place < quotedPlaces; place++) {
    quotedTexts.push('');
    quotedJson.push('""');
  }
}

/** A string that was put together is a tree of its parts; copying it into a document walks the tree each time. This makes it one piece. Takes byte text. */
export function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

/** A number, or decimal text of an integer beyond 2^53 - 1, as a JSON number. */
export function numberText(value: number | string): string | undefined {
  if (typeof value === 'number') return Math.abs(value) < 2 ** 63 ? String(value) : undefined;
  if (!decimal.test(value)) return undefined;
  const integer = BigInt(value);
  return integer > maxLong || integer < minLong ? undefined : integer.toString();
}

const milliseconds = Array.from({ length: 1000 }, (_, n) => `${String(n).padStart(3, '0')}Z"`);

/** Flows of a minute or an hour share their seconds: 4,096 texts are 300 kB, and a miss costs one Date. */
const secondTexts: string[] = new Array<string>(4096).fill('');
const secondsOfTexts = new Float64Array(4096).fill(-1);

/** The last millisecond of the year 9999. */
const maxTimeMs = 253_402_300_799_999;

export function isStorableTime(ms: number): boolean {
  return ms >= 0 && ms <= maxTimeMs;
}

/** ms since 1970 → `"2019-09-06T13:42:01.015Z"`, quotes included. */
export function timeText(ms: number): string | undefined {
  if (!isStorableTime(ms)) return undefined;
  const second = Math.floor(ms / 1000);
  const slot = second & 4095;
  if (secondsOfTexts[slot] !== second) {
    secondsOfTexts[slot] = second;
    secondTexts[slot] = `"${new Date(second * 1000).toISOString().slice(0, 20)}`;
  }
  return secondTexts[slot]! + milliseconds[Math.floor(ms) - second * 1000]!;
}

/** Any value of a row. Undefined for what an index of the column's type would refuse, and the document with it. */
export function valueText(value: FieldValue, type: ColumnType): string | undefined {
  switch (typeof value) {
    case 'number':
      if (type === 'ipv4') return `"${toIPv4Text(value)}"`;
      if (type === 'mac') return `"${toMacText(value)}"`;
      return type === 'time' ? timeText(value) : numberText(value);
    case 'string':
      if (type === 'number') return numberText(value);
      return type === 'text' || type === 'bytes' || type === 'ipv6' ? quoted(value) : undefined;
    case 'boolean':
      return value ? 'true' : 'false';
    default:
      return value === null ? undefined : objectText(value, type);
  }
}

function objectText(value: object, type: ColumnType): string | undefined {
  if (Array.isArray(value)) {
    const texts = (value as readonly FieldValue[]).map((item) => valueText(item, type));
    return `[${texts.filter((text) => text !== undefined).join()}]`;
  }
  if (type === 'list') return listText(value);
  return type === 'text' || type === 'bytes' ? hexText(value) : undefined;
}

/** Values of one element as they are; records, which no index has fields for, as one text. */
function listText(value: object): string | undefined {
  if (!('items' in value) || !Array.isArray(value.items)) return hexText(value);
  const items = value.items as readonly unknown[];
  const isPlain = items.every(
    (item) => typeof item === 'string' || typeof item === 'number' || typeof item === 'boolean',
  );
  if (!isPlain) return quoted(JSON.stringify(items));
  // As text, for lists of one name may be of different elements, and an index takes one type.
  return `[${items.map((item) => quoted(String(item))).join()}]`;
}

/** Bytes that could not be read as their column's type. */
export function hexText(value: object): string | undefined {
  return 'hex' in value && typeof value.hex === 'string' ? quoted(value.hex) : undefined;
}
