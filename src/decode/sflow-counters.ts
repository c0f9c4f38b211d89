// The counter records inside an sFlow v5 counter sample → one row. sFlow v5 specification §5.3 (counter data), sFlow LAG Counters.
// Columns are named after the MIB objects that the specification takes them from.

import type { Column, FieldValue, Layout, Row } from '../model/record.ts';
import { toLayout } from './sflow-columns.ts';
import { formatText, paddedEnd } from './sflow-records.ts';
import { uint32At, uint48At, uint64At } from './wire-numbers.ts';

type Wire = 'uint32' | 'uint64' | 'mac' | 'bytes4';

/** Bytes on the wire; a MAC address is padded to 8 (RFC 4506 §4.9). */
const wireLength: Record<Wire, number> = { uint32: 4, uint64: 8, mac: 8, bytes4: 4 };

interface CounterField {
  readonly name: string;
  readonly wire: Wire;
  readonly at: number;
}

interface CounterRecord {
  readonly format: number;
  readonly fields: readonly CounterField[];
  readonly length: number;
}

/** In the order of their columns in a row. `name/wire`; without a slash it is an uint32. */
const counterRecords: readonly CounterRecord[] = [
  toCounterRecord(
    1,
    'ifIndex ifType ifSpeed/uint64 ifDirection ifStatus ifInOctets/uint64 ifInUcastPkts ifInMulticastPkts ' +
      'ifInBroadcastPkts ifInDiscards ifInErrors ifInUnknownProtos ifOutOctets/uint64 ifOutUcastPkts ' +
      'ifOutMulticastPkts ifOutBroadcastPkts ifOutDiscards ifOutErrors ifPromiscuousMode',
  ),
  toCounterRecord(
    2,
    'dot3StatsAlignmentErrors dot3StatsFCSErrors dot3StatsSingleCollisionFrames dot3StatsMultipleCollisionFrames ' +
      'dot3StatsSQETestErrors dot3StatsDeferredTransmissions dot3StatsLateCollisions dot3StatsExcessiveCollisions ' +
      'dot3StatsInternalMacTransmitErrors dot3StatsCarrierSenseErrors dot3StatsFrameTooLongs ' +
      'dot3StatsInternalMacReceiveErrors dot3StatsSymbolErrors',
  ),
  toCounterRecord(
    5,
    'sflow.vlan.id sflow.vlan.octets/uint64 sflow.vlan.ucastPkts sflow.vlan.multicastPkts sflow.vlan.broadcastPkts ' +
      'sflow.vlan.discards',
  ),
  toCounterRecord(
    7,
    'actorSystemId/mac partnerOperSystemId/mac attachedAggId state/bytes4 lacpdusRx markerPdusRx ' +
      'markerResponsePdusRx unknownRx illegalRx lacpdusTx markerPdusTx markerResponsePdusTx',
  ),
  toCounterRecord(
    1001,
    'sflow.processor.cpu5s sflow.processor.cpu1m sflow.processor.cpu5m sflow.processor.totalMemory/uint64 ' +
      'sflow.processor.freeMemory/uint64',
  ),
];

const bitOfFormat = new Map(counterRecords.map(({ format }, bit) => [format, bit]));

export interface CounterReader {
  /** Reads up to `count` records from `bytes[at..end)`. A record that is broken or unknown is skipped. */
  read(
    bytes: Uint8Array,
    at: number,
    end: number,
    count: number,
  ): { readonly layout: Layout; readonly row: Row; readonly wrong: string | undefined };
}

export function createCounterReader(): CounterReader {
  /** By bit mask of the formats in a sample: at most 2^5 layouts. */
  const layouts = new Map<number, Layout>();
  const recordAt = new Int32Array(counterRecords.length);

  function read(bytes: Uint8Array, at: number, end: number, count: number): ReturnType<CounterReader['read']> {
    let formats = 0;
    let wrong: string | undefined;
    for (let i = 0; i < count; i++) {
      if (at + 8 > end) {
        wrong ??= `the sample ends after ${i} of ${count} records`;
        break;
      }
      const format = uint32At(bytes, at);
      const length = uint32At(bytes, at + 4);
      const start = at + 8;
      if (length > end - start) {
        wrong ??= `record ${i} of format ${formatText(format)} has ${length} bytes, the sample has ${end - start} left`;
        break;
      }
      const bit = bitOfFormat.get(format);
      if (bit !== undefined && length < counterRecords[bit]!.length) {
        wrong ??= `record ${i} of format ${formatText(format)} is not whole in its ${length} bytes`;
      } else if (bit !== undefined && (formats & (1 << bit)) === 0) {
        formats |= 1 << bit;
        recordAt[bit] = start;
      }
      at = paddedEnd(start + length, start, end);
    }

    const row: FieldValue[] = [];
    for (let bit = 0; bit < counterRecords.length; bit++) {
      if ((formats & (1 << bit)) === 0) continue;
      for (const field of counterRecords[bit]!.fields)
        row.push(readCounter(bytes, recordAt[bit]! + field.at, field.wire));
    }
    return { layout: layoutOf(formats), row, wrong };
  }

  function layoutOf(formats: number): Layout {
    let layout = layouts.get(formats);
    if (layout === undefined) {
      const records = counterRecords.filter((_, bit) => (formats & (1 << bit)) !== 0);
      layout = toLayout(
        'counters',
        records.flatMap(({ fields }) => fields.map(toColumn)),
      );
      layouts.set(formats, layout);
    }
    return layout;
  }

  return { read };
}

function readCounter(bytes: Uint8Array, at: number, wire: Wire): number | string {
  if (wire === 'uint32') return uint32At(bytes, at);
  if (wire === 'uint64') return uint64At(bytes, at);
  if (wire === 'mac') return uint48At(bytes, at);
  return uint32At(bytes, at).toString(16).padStart(8, '0');
}

function toColumn({ name, wire }: CounterField): Column {
  return { name, type: wire === 'mac' ? 'mac' : wire === 'bytes4' ? 'bytes' : 'number' };
}

function toCounterRecord(format: number, names: string): CounterRecord {
  let length = 0;
  const fields = names.split(' ').map((text): CounterField => {
    const [name = '', wire = 'uint32'] = text.split('/') as [string, Wire?];
    const field = { name, wire, at: length };
    length += wireLength[wire];
    return field;
  });
  return { format, fields, length };
}
