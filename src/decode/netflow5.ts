// A NetFlow v5 datagram to one record set. The format is Cisco's: a header of 24 bytes, records of 48 bytes, no templates.

import type { Datagram } from '../model/datagram.ts';
import type { Fault } from '../model/fault.ts';
import type { Column, Layout, RecordHeader, RecordSet, Row } from '../model/record.ts';
import { type Encoding, toColumnType } from './information-elements.ts';
import { compileRowReader, type ReaderField, type RowReader } from './row-reader.ts';
import { toLayout } from './template-plan.ts';
import { uint16At, uint32At } from './wire-numbers.ts';

export const netflow5HeaderLength = 24;
export const netflow5RecordLength = 48;

/** The record in wire order; '' is padding. */
export const netflow5Fields: readonly (readonly [name: string, encoding: Encoding, length: number])[] = [
  ['sourceIPv4Address', 'ipv4', 4],
  ['destinationIPv4Address', 'ipv4', 4],
  ['ipNextHopIPv4Address', 'ipv4', 4],
  ['ingressInterface', 'unsigned', 2],
  ['egressInterface', 'unsigned', 2],
  ['packetDeltaCount', 'unsigned', 4],
  ['octetDeltaCount', 'unsigned', 4],
  ['flowStartSysUpTime', 'unsigned', 4],
  ['flowEndSysUpTime', 'unsigned', 4],
  ['sourceTransportPort', 'unsigned', 2],
  ['destinationTransportPort', 'unsigned', 2],
  ['', 'bytes', 1],
  ['tcpControlBits', 'unsigned', 1],
  ['protocolIdentifier', 'unsigned', 1],
  ['ipClassOfService', 'unsigned', 1],
  ['bgpSourceAsNumber', 'unsigned', 2],
  ['bgpDestinationAsNumber', 'unsigned', 2],
  ['sourceIPv4PrefixLength', 'unsigned', 1],
  ['destinationIPv4PrefixLength', 'unsigned', 1],
  ['', 'bytes', 2],
];

export interface Netflow5 {
  decode(datagram: Datagram): RecordSet[];
}

export function createNetflow5(onFault: (fault: Fault) => void): Netflow5 {
  const fields: ReaderField[] = [];
  const columns: Column[] = [];
  const shown: number[][] = [];
  for (const [name, encoding, length] of netflow5Fields) {
    if (name !== '') {
      columns.push({ name, type: toColumnType(encoding) });
      shown.push([fields.length]);
    }
    fields.push({ encoding, length });
  }
  const layout: Layout = toLayout('netflow5', 'flow', columns);
  const read: RowReader = compileRowReader({ fields, columns: shown });

  function decode({ payload, exporter, receivedAtMs }: Datagram): RecordSet[] {
    if (payload.length < netflow5HeaderLength) {
      onFault({ code: 'datagram-truncated', exporter, detail: `NetFlow v5 header of ${payload.length} bytes` });
      return [];
    }
    const count = uint16At(payload, 2);
    const whole = Math.floor((payload.length - netflow5HeaderLength) / netflow5RecordLength);
    if (count > whole) {
      const detail = `NetFlow v5 datagram of ${payload.length} bytes says ${count} records and has ${whole}`;
      onFault({ code: 'datagram-truncated', exporter, detail });
    }
    const rows: Row[] = [];
    // What follows `count` records is not a record, even where one would fit.
    read(
      payload,
      netflow5HeaderLength,
      netflow5HeaderLength + Math.min(count, whole) * netflow5RecordLength,
      rows,
      undefined,
    );
    return rows.length === 0 ? [] : [{ layout, header: toHeader(payload, exporter, receivedAtMs, count), rows }];
  }

  return { decode };
}

function toHeader(payload: Buffer, exporter: string, receivedAtMs: number, count: number): RecordHeader {
  const engineType = payload[20]!;
  const engineId = payload[21]!;
  const sampling = uint16At(payload, 22);
  return {
    exporter,
    domain: engineType * 256 + engineId,
    setId: null,
    receivedAtMs,
    // Cut to microseconds: what is finer would round up to the next millisecond where a number can't hold it.
    exportedAtMs: uint32At(payload, 8) * 1000 + Math.floor(uint32At(payload, 12) / 1000) / 1000,
    sequence: uint32At(payload, 16),
    sysUptimeMs: uint32At(payload, 4),
    // Two bits of mode above 14 bits of interval; an interval may come with mode 0.
    v5: { count, engineType, engineId, samplingMode: sampling >>> 14, samplingInterval: sampling & 0x3fff },
  };
}
