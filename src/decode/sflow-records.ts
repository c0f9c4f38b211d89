// The flow records inside an sFlow v5 sample → columns of the sample. sFlow v5 specification §5.3 (data formats of flow records).
// Every record is opaque data with its length before it: unknown ones are skipped, a broken one costs itself alone.

import { ipv6TextAt } from '../model/address-text.ts';
import type { FieldValue } from '../model/record.ts';
import { headerProtocol, minEtherType } from './link-header.ts';
import { readPacketHeader } from './packet-header.ts';
import type { InnerPacket } from './packet-tunnels.ts';
import type { SampleFields } from './sample-fields.ts';
import { flowStructureOf, slot } from './sflow-columns.ts';
import {
  isExtendedRouter,
  readExtendedGateway,
  readExtendedRouter,
  readExtendedSwitch,
} from './sflow-route-records.ts';
import { uint32At, uint48At } from './wire-numbers.ts';
import { formatText, paddedEnd } from './xdr-data.ts';
import { readStructure } from './xdr-structure.ts';

/** data_format of the records read here: enterprise 0 in the upper 20 bits, so the number is the format. */
const format = {
  rawPacketHeader: 1,
  sampledEthernet: 2,
  sampledIpv4: 3,
  sampledIpv6: 4,
  extendedSwitch: 1001,
  extendedRouter: 1002,
  extendedGateway: 1003,
  extended80211Payload: 1013,
  extended80211Aggregation: 1016,
} as const;

/** Where the records stand that wait for the others: they come in any order. */
interface Places {
  ethernet: number;
  ipv4: number;
  ipv6: number;
  router: number;
  payload: number;
}

export interface FlowRecordReader {
  /** Reads up to `count` records from `bytes[at..end)` into `fields`; returns what was wrong, if anything. */
  read(bytes: Buffer, at: number, end: number, count: number, fields: SampleFields): string | undefined;
}

/** `inner`: packets inside tunnels are read, too. */
export function createFlowRecordReader(inner: InnerPacket | undefined): FlowRecordReader {
  const places: Places = { ethernet: -1, ipv4: -1, ipv6: -1, router: -1, payload: -1 };
  const values: FieldValue[] = [];

  function read(bytes: Buffer, at: number, end: number, count: number, fields: SampleFields): string | undefined {
    places.ethernet = places.ipv4 = places.ipv6 = places.router = places.payload = -1;
    const wrong = readRecords(bytes, at, end, count, fields, false);
    if (places.ethernet >= 0) readSampledEthernet(bytes, places.ethernet, fields);
    // With a raw header, an IP record can only repeat it (or tell of a packet inside it, which is not this flow).
    if (places.payload >= 0 && !fields.has(slot.ipVersion)) read80211Payload(bytes, places.payload, fields);
    if (places.ipv4 >= 0 && !fields.has(slot.ipVersion)) readSampledIpv4(bytes, places.ipv4, fields);
    if (places.ipv6 >= 0 && !fields.has(slot.ipVersion)) readSampledIpv6(bytes, places.ipv6, fields);
    if (places.router >= 0) readExtendedRouter(bytes, places.router, fields);
    return wrong;
  }

  function readRecords(
    bytes: Buffer,
    at: number,
    end: number,
    count: number,
    fields: SampleFields,
    isNested: boolean,
  ): string | undefined {
    let wrong: string | undefined;
    for (let i = 0; i < count; i++) {
      if (at + 8 > end) {
        wrong ??= `the sample ends after ${i} of ${count} records`;
        break;
      }
      const type = uint32At(bytes, at);
      const length = uint32At(bytes, at + 4);
      const start = at + 8;
      if (length > end - start) {
        wrong ??= `record ${i} of format ${formatText(type)} has ${length} bytes, the sample has ${end - start} left`;
        break;
      }
      if (!readRecord(bytes, start, start + length, type, fields, isNested)) {
        wrong ??= `record ${i} of format ${formatText(type)} is not whole in its ${length} bytes`;
      }
      at = paddedEnd(start + length, start, end);
    }
    return wrong;
  }

  /** False when the record is not whole. */
  function readRecord(
    bytes: Buffer,
    at: number,
    end: number,
    type: number,
    fields: SampleFields,
    isNested: boolean,
  ): boolean {
    switch (type) {
      case format.rawPacketHeader:
        return readRawPacketHeader(bytes, at, end, fields);
      case format.extendedSwitch:
        return readExtendedSwitch(bytes, at, end, fields);
      case format.extendedGateway:
        return readExtendedGateway(bytes, at, end, fields);
      case format.extendedRouter:
        if (!isExtendedRouter(bytes, at, end)) return false;
        places.router = at;
        return true;
      case format.sampledEthernet:
        if (end - at < 24) return false;
        places.ethernet = at;
        return true;
      case format.sampledIpv4:
        if (end - at < 32) return false;
        places.ipv4 = at;
        return true;
      case format.sampledIpv6:
        if (end - at < 56) return false;
        places.ipv6 = at;
        return true;
      case format.extended80211Payload:
        if (end - at < 8 || uint32At(bytes, at + 4) > end - at - 8) return false;
        fields.set(slot['sflow.80211_payload.ciphersuite'], uint32At(bytes, at));
        places.payload = at;
        return true;
      case format.extended80211Aggregation:
        return readAggregation(bytes, at, end, fields, isNested);
      default:
        return readOtherRecord(bytes, at, end, type, fields);
    }
  }

  /** header_protocol, frame_length, stripped, opaque header<>. The first one counts: it is the outermost packet. */
  function readRawPacketHeader(bytes: Buffer, at: number, end: number, fields: SampleFields): boolean {
    if (at + 16 > end) return false;
    const headerLength = uint32At(bytes, at + 12);
    if (headerLength > end - at - 16) return false;
    if (fields.has(slot.dataLinkFrameSize)) return true;
    fields.set(slot.dataLinkFrameSize, uint32At(bytes, at + 4));
    readPacketHeader(bytes, at + 16, at + 16 + headerLength, uint32At(bytes, at), fields, inner);
    return true;
  }

  /** sFlow 802.11 Structures: the payload in clear of a frame whose raw header is encrypted; an LLC header is its first. */
  function read80211Payload(bytes: Buffer, at: number, fields: SampleFields): void {
    const start = at + 8;
    readPacketHeader(bytes, start, start + uint32At(bytes, at + 4), headerProtocol.aal5, fields, inner);
  }

  /** pdus<>, each with flow records of its own: the first one stands for all, as the sample is one row. */
  function readAggregation(bytes: Buffer, at: number, end: number, fields: SampleFields, isNested: boolean): boolean {
    if (isNested || end - at < 4) return false;
    const pdus = uint32At(bytes, at);
    fields.set(slot['sflow.80211_aggregation.pdus'], pdus);
    if (pdus === 0) return true;
    return end - at >= 8 && readRecords(bytes, at + 8, end, uint32At(bytes, at + 4), fields, true) === undefined;
  }

  function readOtherRecord(bytes: Buffer, at: number, end: number, type: number, fields: SampleFields): boolean {
    const known = flowStructureOf.get(type);
    if (known === undefined) return true;
    const { structure, slots } = known;
    if (!readStructure(bytes, at, end, structure, values)) return false;
    for (let i = 0; i < slots.length; i++) fields.set(slots[i]!, values[i]!);
    return true;
  }

  return { read };
}

/** length, src_mac (padded to 8), dst_mac (padded to 8), type. */
function readSampledEthernet(bytes: Uint8Array, at: number, fields: SampleFields): void {
  fields.setIfAbsent(slot.dataLinkFrameSize, uint32At(bytes, at));
  fields.setIfAbsent(slot.sourceMacAddress, uint48At(bytes, at + 4));
  fields.setIfAbsent(slot.destinationMacAddress, uint48At(bytes, at + 12));
  const type = uint32At(bytes, at + 20);
  if (type >= minEtherType) fields.setIfAbsent(slot.ethernetType, type);
}

/** length, protocol, src_ip, dst_ip, src_port, dst_port, tcp_flags, tos. */
function readSampledIpv4(bytes: Uint8Array, at: number, fields: SampleFields): void {
  fields.set(slot.ipVersion, 4);
  fields.set(slot.ipTotalLength, uint32At(bytes, at));
  fields.set(slot.sourceIPv4Address, uint32At(bytes, at + 8));
  fields.set(slot.destinationIPv4Address, uint32At(bytes, at + 12));
  fields.set(slot.ipClassOfService, uint32At(bytes, at + 28));
  setTransport(bytes, at + 16, uint32At(bytes, at + 4), fields);
}

/** length, protocol, src_ip, dst_ip, src_port, dst_port, tcp_flags, priority. */
function readSampledIpv6(bytes: Uint8Array, at: number, fields: SampleFields): void {
  fields.set(slot.ipVersion, 6);
  // §5.3: the length of the packet without the lower layers' encapsulations: header and payload.
  fields.set(slot.ipTotalLength, uint32At(bytes, at));
  fields.set(slot.sourceIPv6Address, ipv6TextAt(bytes, at + 8));
  fields.set(slot.destinationIPv6Address, ipv6TextAt(bytes, at + 24));
  fields.set(slot.ipClassOfService, uint32At(bytes, at + 52));
  setTransport(bytes, at + 40, uint32At(bytes, at + 4), fields);
}

function setTransport(bytes: Uint8Array, at: number, protocol: number, fields: SampleFields): void {
  fields.set(slot.protocolIdentifier, protocol);
  if (protocol !== 6 && protocol !== 17 && protocol !== 132) return;
  fields.set(slot.sourceTransportPort, uint32At(bytes, at));
  fields.set(slot.destinationTransportPort, uint32At(bytes, at + 4));
  if (protocol === 6) fields.set(slot.tcpControlBits, uint32At(bytes, at + 8));
}
