// A decoder with what tests need around it: payloads in, records as plain objects out, faults collected.

import { createDecoder, type Decoder, type DecoderLimits } from '../../src/decode/decoder.ts';
import { createInformationElements } from '../../src/decode/information-elements.ts';
import type { FaultCode } from '../../src/model/fault.ts';
import type { FieldValue, RecordSet } from '../../src/model/record.ts';

/** Read once for all tests of a file. */
const elements = createInformationElements();

export interface FeedOptions {
  readonly exporter?: string;
  readonly exporterPort?: number;
  readonly receivedAtMs?: number;
}

export interface Feed {
  readonly decoder: Decoder;
  readonly faults: FaultCode[];
  sets(payload: Buffer, options?: FeedOptions): RecordSet[];
  /** All rows of a datagram, with names. */
  records(payload: Buffer, options?: FeedOptions): Record<string, FieldValue>[];
}

export function createFeed(limits: Partial<DecoderLimits> = {}, over: 'udp' | 'tcp' = 'udp'): Feed {
  const faults: FaultCode[] = [];
  const decoder = createDecoder({ onFault: ({ code }) => faults.push(code), limits, elements });
  const { decode } = over === 'udp' ? decoder : decoder.openSession();

  function sets(payload: Buffer, options: FeedOptions = {}): RecordSet[] {
    const { exporter = '192.0.2.1', exporterPort = 2055, receivedAtMs = 1_700_000_000_000 } = options;
    return decode({ payload, exporter, exporterPort, receivedAtMs });
  }

  return { decoder, faults, sets, records: (payload, options) => toRecords(sets(payload, options)) };
}

export function toRecords(sets: readonly RecordSet[]): Record<string, FieldValue>[] {
  return sets.flatMap(({ layout, rows }) =>
    rows.map((row) => Object.fromEntries(layout.columns.map(({ name }, column) => [name, row[column]!]))),
  );
}
