// How far each exporter's records are in safe hands: sequence positions as text, one entry a counter, with who wrote it.

import { type SequencePosition, sequenceUnits } from '../model/sequence.ts';

/** What another process wrote last about a counter that is ours now. */
export interface FormerPosition {
  readonly writer: string;
  readonly position: SequencePosition;
}

export function toReachedField({ exporter, protocol, key }: SequencePosition): string {
  return `${exporter} ${protocol} ${key}`;
}

export function toReachedText(writer: string, { next, uptimeMs, clockMs, receivedAtMs }: SequencePosition): string {
  return [writer, next, uptimeMs, clockMs, receivedAtMs].join(' ');
}

/** Undefined: it is no entry of this version of weir. */
export function fromReached(field: string, text: string): FormerPosition | undefined {
  const [exporter = '', protocol = '', key, noField] = field.split(' ');
  const [writer = '', ...numbers] = text.split(' ');
  const [next = -1, uptimeMs = -1, clockMs = -1, receivedAtMs = -1] = numbers.map(Number);
  const isWhole = numbers.length === 4 && numbers.every((number) => Number.isFinite(Number(number)));
  if (!isWhole || noField !== undefined || !isProtocol(protocol) || !Number.isInteger(Number(key)) || next < 0) {
    return undefined;
  }
  return { writer, position: { exporter, protocol, key: Number(key), next, uptimeMs, clockMs, receivedAtMs } };
}

function isProtocol(text: string): text is SequencePosition['protocol'] {
  return Object.hasOwn(sequenceUnits, text);
}
