// Elements that exporters describe themselves (RFC 5610): options records give name and type of enterprise elements that no registry
// of ours has. What one exporter teaches serves its own templates only: anybody can send a datagram.

import { dataTypes } from '../model/element.ts';
import type { FieldValue, Row } from '../model/record.ts';
import type { Element, Encoding } from './information-elements.ts';
import { encodingOf } from './information-elements.ts';
import { toFirst, toNumber } from './sampling-interval.ts';
import { type TemplateContent, toFieldSpecifiers } from './template-record.ts';

/** Column numbers of an options layout. */
export interface TypeColumns {
  readonly enterprise: number;
  readonly id: number;
  readonly dataType: number;
  readonly name: number | undefined;
}

/** A name that may stand in a column name and in a field name of a document. */
const plainName = /^[A-Za-z]\w{0,63}$/;
const enterpriseBit = 0x8000;

export function toTypeColumns(columnOf: ReadonlyMap<string, number>): TypeColumns | undefined {
  const enterprise = columnOf.get('privateEnterpriseNumber');
  const id = columnOf.get('informationElementId');
  const dataType = columnOf.get('informationElementDataType');
  if (enterprise === undefined || id === undefined || dataType === undefined) return undefined;
  return { enterprise, id, dataType, name: columnOf.get('informationElementName') };
}

/** `<pen>/<id>` and what it is; undefined: the record describes no element that we would take from it. */
export function toTaughtElement(row: Row, columns: TypeColumns): readonly [key: string, Element] | undefined {
  const enterprise = toNumber(row, columns.enterprise);
  const idWithBit = toNumber(row, columns.id);
  const dataType = dataTypes[toNumber(row, columns.dataType) ?? -1];
  // Enterprise 0 is IANA, whose registry we have.
  if (!enterprise || idWithBit === undefined || dataType === undefined) return undefined;
  const id = idWithBit & ~enterpriseBit;
  const encoding = encodingOf[dataType];
  if (encoding === undefined) return undefined;
  return [`${enterprise}/${id}`, { name: toColumnName(enterprise, id, toFirst(row, columns.name)), encoding }];
}

/** With the enterprise before it, so that no taught name is mistaken for a registered one. */
function toColumnName(enterprise: number, id: number, name: FieldValue): string {
  return typeof name === 'string' && plainName.test(name) ? `${enterprise}/${name}` : `${enterprise}/${id}`;
}

/** A field of a template (its index), and what its exporter taught of it. */
export type TaughtField = readonly [index: number, name: string, encoding: Encoding];

/** The content with what its exporter taught of its fields; registries are asked first, when it is compiled. */
export function withTaught(content: TemplateContent, taught: ReadonlyMap<string, Element>): TemplateContent {
  if (taught.size === 0 || content.protocol !== 'ipfix') return content;
  const fields = (toFieldSpecifiers(content) ?? []).flatMap(({ enterprise, id }, index): TaughtField[] => {
    const element = enterprise === 0 ? undefined : taught.get(`${enterprise}/${id}`);
    return element === undefined ? [] : [[index, element.name, element.encoding]];
  });
  return fields.length === 0 ? content : { ...content, taught: fields };
}

/** Is this one of the forms that `toTaughtElement` gives? For what comes from a file. */
export function isTaughtElement(name: unknown, encoding: unknown): boolean {
  return (
    typeof name === 'string' &&
    /^\d{1,10}\/\w{1,64}$/.test(name) &&
    typeof encoding === 'string' &&
    Object.values(encodingOf).includes(encoding as Encoding)
  );
}
