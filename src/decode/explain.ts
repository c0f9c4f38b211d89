// Where each field of a decoded record stands: for `weir decode --explain`, never on the way of flows. Reads the bytes once more, by the
// template's own list of fields, so that what it shows does not depend on how records are read otherwise.

import type { Datagram } from '../model/datagram.ts';
import type { FieldValue, Protocol } from '../model/record.ts';
import { toReadableValue } from './field-value.ts';
import { type Element, type Encoding, type InformationElements, toColumnType } from './information-elements.ts';
import { netflow5Fields, netflow5HeaderLength, netflow5RecordLength } from './netflow5.ts';
import { variableLength } from './row-reader.ts';
import { type ListScope, readAnyValue } from './structured-data.ts';
import { netflow9Scopes, toElement } from './template-plan.ts';
import { toFieldSpecifiers } from './template-record.ts';
import type { RecordsAt } from './template-sets.ts';
import { uint32At } from './wire-numbers.ts';

export interface ExplainedField {
  /** Of the first byte of the value, in the datagram's payload. */
  readonly offset: number;
  readonly length: number;
  /** Element id, `<enterprise>/<id>`, or "" where the format has none. */
  readonly element: string;
  readonly name: string;
  readonly encoding: Encoding | 'structure';
  /** As in `weir decode`; undefined: not a value. */
  readonly value: unknown;
}

export interface ExplainedRecord {
  readonly offset: number;
  readonly length: number;
  readonly fields: readonly ExplainedField[];
}

/** The records of one set; of sFlow: a sample. */
export interface ExplainedSet {
  readonly protocol: Protocol;
  readonly exporter: string;
  readonly domain: number;
  readonly sequence: number;
  /** Template id and kind, "NetFlow v5 record", "sample 0:1". */
  readonly form: string;
  /** What the offsets count in: a datagram's payload, or the copy of a set that waited for its template. */
  readonly bytes: Buffer;
  readonly isParked: boolean;
  readonly records: readonly ExplainedRecord[];
}

interface FormField {
  readonly element: string;
  readonly name: string;
  readonly encoding: Encoding;
  readonly length: number;
}

export function explainRecords(
  { template, header, bytes, start, end, lists }: RecordsAt,
  elements: InformationElements,
): ExplainedSet {
  const { content } = template.shared;
  const { protocol, kind, scopeCount } = content;
  const fields = (toFieldSpecifiers(content) ?? []).map((specifier, index): FormField => {
    const isScope = index < scopeCount;
    const scopeName =
      isScope && protocol === 'netflow9' ? (netflow9Scopes[specifier.id] ?? `${specifier.id}`) : undefined;
    const known: Element | undefined =
      scopeName === undefined
        ? toElement(content, specifier, index, elements)
        : { name: `scope:${scopeName}`, encoding: 'unsigned' };
    const { enterprise, length } = specifier;
    const element = enterprise === 0 ? `${specifier.id}` : `${enterprise}/${specifier.id}`;
    return { element, name: known?.name ?? '(padding)', encoding: known?.encoding ?? 'bytes', length };
  });
  const records: ExplainedRecord[] = [];
  for (let at = start; at < end; ) {
    const record = readRecord(fields, bytes, at, end, lists);
    if (record.length === 0) break;
    records.push(record);
    at += record.length;
  }
  const { exporter, domain, sequence } = header;
  const form = `template ${template.id}, ${kind}`;
  // In a datagram there is a header before every set.
  const isParked = start === 0;
  return { protocol, exporter, domain, sequence, form, bytes, isParked, records };
}

/** `end` is where the last whole record ends. */
function readRecord(
  fields: readonly FormField[],
  bytes: Buffer,
  start: number,
  end: number,
  lists: ListScope | undefined,
): ExplainedRecord {
  const explained: ExplainedField[] = [];
  let at = start;
  for (const { length: declared, ...field } of fields) {
    let length = declared;
    if (declared === variableLength) {
      length = bytes[at++] ?? 0;
      if (length === 255 && end - at >= 2) {
        length = bytes.readUInt16BE(at);
        at += 2;
      }
    }
    length = Math.max(0, Math.min(length, end - at));
    const value: FieldValue = length === 0 ? null : readAnyValue(field.encoding, bytes, at, length, lists);
    explained.push({ ...field, offset: at, length, value: toReadableValue(value, toColumnType(field.encoding)) });
    at += length;
  }
  return { offset: start, length: at - start, fields: explained };
}

const netflow5Form: readonly FormField[] = netflow5Fields.map(([name, encoding, length]) => ({
  element: '',
  name: name === '' ? '(padding)' : name,
  encoding,
  length,
}));

export function explainNetflow5({ payload, exporter }: Datagram): ExplainedSet | undefined {
  if (payload.length < netflow5HeaderLength) return undefined;
  const records: ExplainedRecord[] = [];
  const end = Math.min(payload.length, netflow5HeaderLength + payload.readUInt16BE(2) * netflow5RecordLength);
  for (let at = netflow5HeaderLength; end - at >= netflow5RecordLength; at += netflow5RecordLength) {
    records.push(readRecord(netflow5Form, payload, at, end, undefined));
  }
  const domain = payload.readUInt16BE(20);
  const sequence = payload.readUInt32BE(16);
  const form = 'NetFlow v5 record';
  return { protocol: 'netflow5', exporter, domain, sequence, form, bytes: payload, isParked: false, records };
}

/** Samples and the structures in them; the fields inside of a structure have no template and are not told apart. */
export function explainSflow5({ payload, exporter }: Datagram): ExplainedSet[] {
  const sets: ExplainedSet[] = [];
  const end = payload.length;
  if (end < 8) return sets;
  const agentType = uint32At(payload, 4);
  let at = 8 + (agentType === 1 ? 4 : agentType === 2 ? 16 : 0) + 16;
  if (agentType > 2 || at > end) return sets;
  const domain = uint32At(payload, at - 16);
  const sequence = uint32At(payload, at - 12);
  while (end - at >= 8) {
    const format = toFormatText(uint32At(payload, at));
    const length = Math.min(uint32At(payload, at + 4), end - at - 8);
    const record: ExplainedRecord = {
      offset: at,
      length: length + 8,
      fields: toStructures(payload, at + 8, length, format),
    };
    const form = `sample ${format}`;
    sets.push({
      protocol: 'sflow5',
      exporter,
      domain,
      sequence,
      form,
      bytes: payload,
      isParked: false,
      records: [record],
    });
    at += 8 + length + (-length & 3);
  }
  return sets;
}

/** Bytes of a sample before its records, by format (enterprise 0). */
const sampleHeads: Readonly<Record<string, number>> = { '0:1': 32, '0:2': 12, '0:3': 44, '0:4': 16, '0:5': 32 };

function toStructures(payload: Buffer, start: number, length: number, format: string): ExplainedField[] {
  const field = (offset: number, bytes: number, element: string, name: string): ExplainedField => {
    return { offset, length: bytes, element, name, encoding: 'structure', value: undefined };
  };
  const head = Math.min(sampleHeads[format] ?? length, length);
  const fields = [field(start, head, '', 'sample header')];
  const end = start + length;
  for (let at = start + head; end - at >= 8; ) {
    const body = Math.min(uint32At(payload, at + 4), end - at - 8);
    fields.push(field(at + 8, body, toFormatText(uint32At(payload, at)), 'structure'));
    at += 8 + body + (-body & 3);
  }
  return fields;
}

/** 20 bits of enterprise, 12 of format. */
function toFormatText(dataFormat: number): string {
  return `${dataFormat >>> 12}:${dataFormat & 0xfff}`;
}
