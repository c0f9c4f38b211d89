// The kinds of fields in the table of document-fields.ts: how each is read and written.

import { toMacText } from './address-text.ts';
import type { FlowDocument, PropertyOf } from './flow-document.ts';
import type { FieldWriter } from './flow-text.ts';
import { flat, numberText, quoted, quotedAgain } from './json-text.ts';

export interface DocumentField {
  readonly path: string;
  /** The value as it is stored; undefined: absent. */
  readonly read: (flow: FlowDocument) => unknown;
}

/** Fields that are written together. */
export interface FieldGroup extends FieldWriter {
  readonly fields: readonly DocumentField[];
}

export function field(name: string, read: (flow: FlowDocument) => unknown): DocumentField {
  return { path: `flow.${name}`, read };
}

export function number(name: string, property: PropertyOf<number>): FieldGroup {
  return {
    fields: [field(name, (flow) => flow[property])],
    plain: { kind: 'number', name, property },
    write: (flow) => {
      const value = flow[property];
      const text = value === undefined ? undefined : numberText(value);
      return text === undefined ? '' : `,"${name}":${text}`;
    },
  };
}

export function text(name: string, property: PropertyOf<string>): FieldGroup {
  return {
    fields: [field(name, (flow) => flow[property])],
    plain: { kind: 'text', name, property },
    write: (flow) => {
      const value = flow[property];
      return value === undefined ? '' : `,"${name}":${quoted(String(value))}`;
    },
  };
}

/** A field whose value is worked out from others. */
export function derived(name: string, read: (flow: FlowDocument) => number | string | undefined): FieldGroup {
  const key = `,"${name}":`;
  return {
    fields: [field(name, read)],
    write: (flow) => {
      const value = read(flow);
      if (value === undefined) return '';
      const text = typeof value === 'string' ? quotedAgain(value) : numberText(value);
      return text === undefined ? '' : key + text;
    },
  };
}

export function mac(name: string, property: 'srcMac' | 'dstMac'): FieldGroup {
  return derived(name, (flow) => {
    const value = flow[property];
    return value === undefined ? undefined : toMacText(value);
  });
}

/** Interface numbers up to here have their text ready; devices that count beyond are served all the same. */
const maxReadyInterfaces = 4096;

export function networkInterface(
  direction: 'input' | 'output',
  indexOf: (flow: FlowDocument) => number | undefined,
  nameOf: (flow: FlowDocument) => string | undefined,
): FieldGroup {
  const ready: string[] = [];
  const storedName = (index: number | undefined, name: string | undefined) =>
    name ?? (index === undefined ? undefined : `index: ${index}`);

  function write(flow: FlowDocument): string {
    const index = indexOf(flow);
    const name = nameOf(flow);
    if (name !== undefined || index === undefined || index < 0 || index >= maxReadyInterfaces)
      return toText(index, name);
    ready[index] ??= flat(toText(index, undefined));
    return ready[index];
  }

  function toText(index: number | undefined, name: string | undefined): string {
    const number = index === undefined ? undefined : numberText(index);
    const stored = storedName(index, name);
    return (
      (number === undefined ? '' : `,"${direction}_snmp":${number}`) +
      (stored === undefined ? '' : `,"${direction}_ifname":${quoted(stored)}`)
    );
  }

  return {
    fields: [
      field(`${direction}_snmp`, indexOf),
      field(`${direction}_ifname`, (flow) => storedName(indexOf(flow), nameOf(flow))),
    ],
    write,
  };
}
