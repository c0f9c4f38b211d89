// `weir decode --explain`: for a person who asks why a field is wrong, where each one stands, by which element it is read, and its bytes.

import type { ExplainedField, ExplainedSet } from '../decode/explain.ts';

/** Lines, newlines included; offsets are those of the UDP payload. */
export function toExplanation(set: ExplainedSet): string {
  const { protocol, exporter, domain, sequence, form, bytes, isParked, records } = set;
  let text = `${exporter} ${protocol} domain ${domain} sequence ${sequence}, ${form}\n`;
  if (isParked) text += '  waited for its template: offsets are those of the set behind its 4 bytes of header\n';
  records.forEach(({ offset, length, fields }, i) => {
    text += `  record ${i + 1} of ${records.length} at byte ${offset}, ${length} bytes\n`;
    for (const line of toTable(fields.map((field) => toCells(field, bytes)))) text += `    ${line}\n`;
  });
  return text;
}

const head = ['at', 'bytes', 'element', 'name', 'type', 'value', 'hex'] as const;

function toCells({ offset, length, element, name, encoding, value }: ExplainedField, bytes: Buffer): string[] {
  const shown = value === undefined || value === null ? '-' : JSON.stringify(value);
  const hex = bytes.toString('hex', offset, offset + length);
  return [`${offset}`, `${length}`, element || '-', name, encoding, shown, hex || '-'];
}

/** Values and bytes that are longer don't push the columns behind them away. */
const maxCellWidth = 40;

function toTable(rows: readonly (readonly string[])[]): string[] {
  const all: readonly (readonly string[])[] = [head, ...rows];
  const widths = head.map((_, column) =>
    Math.min(
      maxCellWidth,
      all.reduce((most, row) => Math.max(most, row[column]!.length), 0),
    ),
  );
  return all.map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('  '));
}
