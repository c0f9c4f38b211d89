// Template records and options template records as they are on the wire: RFC 3954 §5.2, §6.1 and RFC 7011 §3.4.1, §3.4.2.
// What comes out is checked: at least one byte per data record, no more fields than allowed.

import type { Cursor } from './cursor.ts';
import type { TaughtField } from './type-information.ts';

export type TemplateProtocol = 'netflow9' | 'ipfix';
export type TemplateKind = 'flow' | 'options';

/** What a template says, without who said it: templates of equal content share all that is made from them. */
export interface TemplateContent {
  readonly protocol: TemplateProtocol;
  readonly kind: TemplateKind;
  /** How many of the first fields are scope; 0 for `flow`. */
  readonly scopeCount: number;
  /** The field specifiers as on the wire, a character a byte. */
  readonly specifiers: string;
  /** IPFIX: what its exporter told of enterprise elements before (RFC 5610). */
  readonly taught?: readonly TaughtField[];
}

export interface FieldSpecifier {
  /** 0: IANA, or NetFlow v9, which knows no enterprises. */
  readonly enterprise: number;
  readonly id: number;
  /** Bytes, or `variableLength`. H3C sends fields of variable length in NetFlow v9, too. */
  readonly length: number;
}

export type TemplateRecord =
  | { readonly type: 'definition'; readonly id: number; readonly content: TemplateContent }
  /** RFC 7011 §8.1. */
  | { readonly type: 'withdrawal'; readonly id: number }
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'padding' };

const firstTemplateId = 256;
const enterpriseBit = 0x8000;
const padding: TemplateRecord = { type: 'padding' };

/** Reads one record and leaves the cursor behind it, or at the end where the rest of the set makes no sense. */
export function readTemplateRecord(
  cursor: Cursor,
  protocol: TemplateProtocol,
  kind: TemplateKind,
  maxFields: number,
): TemplateRecord {
  if (cursor.remaining < 4) {
    cursor.skip(cursor.remaining);
    return padding;
  }
  const id = cursor.readUint16();
  const count = cursor.readUint16();
  if (id === 0 && count === 0) {
    cursor.skip(cursor.remaining);
    return padding;
  }
  if (protocol === 'netflow9') {
    return kind === 'flow'
      ? readNetflow9(cursor, kind, id, 0, count * 4, maxFields)
      : readNetflow9(cursor, kind, id, count, cursor.readUint16(), maxFields);
  }
  if (count === 0) return { type: 'withdrawal', id };
  return readIpfix(cursor, kind, id, count, maxFields);
}

/** NetFlow v9 gives the sizes of scope and other fields in bytes, four each. */
function readNetflow9(
  cursor: Cursor,
  kind: TemplateKind,
  id: number,
  scopeBytes: number,
  otherBytes: number,
  maxFields: number,
): TemplateRecord {
  if (scopeBytes + otherBytes > cursor.remaining) return refuseRest(cursor, id, 'ends early');
  const at = cursor.offset;
  cursor.skip(scopeBytes + otherBytes);
  if (scopeBytes % 4 !== 0 || otherBytes % 4 !== 0) return refuse(id, 'has a length that is no multiple of 4');
  const specifiers = cursor.bytes.toString('latin1', at, cursor.offset);
  return toDefinition(id, { protocol: 'netflow9', kind, scopeCount: scopeBytes / 4, specifiers }, maxFields);
}

/** IPFIX counts fields; those of enterprises take eight bytes, the others four. */
function readIpfix(cursor: Cursor, kind: TemplateKind, id: number, count: number, maxFields: number): TemplateRecord {
  // RFC 7011 §3.4.2.2 forbids a scope count of 0; the fields say as much without scope.
  const scopeCount = kind === 'options' ? cursor.readUint16() : 0;
  const at = cursor.offset;
  for (let field = 0; field < count; field++) {
    if (cursor.remaining < 4) return refuseRest(cursor, id, 'ends early');
    const isEnterprise = (cursor.readUint16() & enterpriseBit) !== 0;
    cursor.skip(2);
    if (!isEnterprise) continue;
    if (cursor.remaining < 4) return refuseRest(cursor, id, 'ends early');
    cursor.skip(4);
  }
  if (scopeCount > count) return refuse(id, 'has more scope fields than fields');
  const specifiers = cursor.bytes.toString('latin1', at, cursor.offset);
  return toDefinition(id, { protocol: 'ipfix', kind, scopeCount, specifiers }, maxFields);
}

function toDefinition(id: number, content: TemplateContent, maxFields: number): TemplateRecord {
  if (id < firstTemplateId) return refuse(id, 'has a reserved id');
  const problem = findProblem(content, maxFields);
  return problem === undefined ? { type: 'definition', id, content } : refuse(id, problem);
}

/** Why a template of this content can't be used, or undefined. */
export function findProblem(content: TemplateContent, maxFields: number): string | undefined {
  // A specifier takes four bytes or eight; this comes first, so that nothing is made of an absurd template.
  if (content.specifiers.length > maxFields * 8) return 'has too many fields';
  const fields = toFieldSpecifiers(content);
  if (fields === undefined || content.scopeCount > fields.length) return 'ends early';
  if (fields.length > maxFields) return 'has too many fields';
  // Data of records without bytes would never end.
  if (fields.every(({ length }) => length === 0)) return 'has no bytes';
  return undefined;
}

/** undefined: the specifiers end in the middle of one. */
export function toFieldSpecifiers({ protocol, specifiers }: TemplateContent): FieldSpecifier[] | undefined {
  const bytes = Buffer.from(specifiers, 'latin1');
  const fields: FieldSpecifier[] = [];
  let at = 0;
  while (bytes.length - at >= 4) {
    const id = bytes.readUInt16BE(at);
    const length = bytes.readUInt16BE(at + 2);
    at += 4;
    if (protocol === 'ipfix' && (id & enterpriseBit) !== 0) {
      if (bytes.length - at < 4) return undefined;
      fields.push({ enterprise: bytes.readUInt32BE(at), id: id & ~enterpriseBit, length });
      at += 4;
    } else fields.push({ enterprise: 0, id, length });
  }
  return at === bytes.length ? fields : undefined;
}

function refuse(id: number, problem: string): TemplateRecord {
  return { type: 'refused', reason: `template ${id} ${problem}` };
}

function refuseRest(cursor: Cursor, id: number, problem: string): TemplateRecord {
  cursor.skip(cursor.remaining);
  return refuse(id, problem);
}
