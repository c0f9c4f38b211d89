// Information elements as files name them: the registries of data/, and definitions that users add.

/** Abstract data types: RFC 7012 §3.1, RFC 6313 §3, RFC 9740 §8.3.1. The place of each is its number (IANA, RFC 5610 §3.1). */
export const dataTypes = [
  'octetArray',
  'unsigned8',
  'unsigned16',
  'unsigned32',
  'unsigned64',
  'signed8',
  'signed16',
  'signed32',
  'signed64',
  'float32',
  'float64',
  'boolean',
  'macAddress',
  'string',
  'dateTimeSeconds',
  'dateTimeMilliseconds',
  'dateTimeMicroseconds',
  'dateTimeNanoseconds',
  'ipv4Address',
  'ipv6Address',
  'basicList',
  'subTemplateList',
  'subTemplateMultiList',
  'unsigned256',
] as const;

export type DataType = (typeof dataTypes)[number];

/** An element that a user's file tells of. */
export interface ElementDefinition {
  readonly protocol: 'netflow9' | 'ipfix';
  /** Private enterprise number; 0 is IANA, and NetFlow v9. */
  readonly enterprise: number;
  /** Without the enterprise bit. */
  readonly id: number;
  /** Under which its values are stored: letters, digits and "_". Undefined: its bytes have no meaning. */
  readonly name: string | undefined;
  readonly type: DataType;
  /** The file replaces what the registries say of this number; else it types only what they don't have, and names the others. */
  readonly replaces: boolean;
}

/** Column name (model/record.ts) of an element that IANA has not named. `enterprise`: a number, or `v9`. */
export function toElementKey(enterprise: number | string, id: number | string): string {
  if (enterprise === 'v9') return `v9:${id}`;
  return enterprise === 0 || enterprise === '0' ? `iana:${id}` : `${enterprise}/${id}`;
}

/** RFC 5103 §6: the name of an IANA element in the other direction. */
export function toReverseName(name: string): string {
  return `reverse${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

export type TakeRow = (first: string, second: string, third: string, fourth: string) => void;

/** Rows of a table of data/: four columns at most, without comments. No array per row: thousands are read at each start. */
export function readRows(text: string, take: TakeRow): void {
  for (let at = 0; at < text.length; ) {
    const end = toEnd(text, '\n', at, text.length);
    if (text[at] !== '#' && end > at) {
      const first = toEnd(text, '\t', at, end);
      const second = toEnd(text, '\t', first + 1, end);
      const third = toEnd(text, '\t', second + 1, end);
      take(
        text.slice(at, first),
        text.slice(first + 1, second),
        text.slice(second + 1, third),
        text.slice(third + 1, end),
      );
    }
    at = end + 1;
  }
}

function toEnd(text: string, mark: string, from: number, otherwise: number): number {
  const at = text.indexOf(mark, from);
  return at < 0 || at > otherwise ? otherwise : at;
}
