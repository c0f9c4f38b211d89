// The flow records inside an sFlow v5 sample → columns of the sample. sFlow v5 specification §5.3 (data formats of flow records).
// Every record is opaque data with its length before it: unknown ones are skipped, a broken one costs itself alone.

import { ipv6TextAt } from '../model/address-text.ts';
import { minEtherType, readPacketHeader } from './packet-header.ts';
import { type SampleFields, slot } from './sflow-columns.ts';
import { uint32At, uint48At } from './wire-numbers.ts';

/** data_format of the records read here: enterprise 0 in the upper 20 bits, so the number is the format. */
const format = {
  rawPacketHeader: 1,
  sampledEthernet: 2,
  sampledIpv4: 3,
  sampledIpv6: 4,
  extendedSwitch: 1001,
  extendedRouter: 1002,
  extendedGateway: 1003,
  extendedEgressQueue: 1036,
} as const;

const addressType = { unknown: 0, ipv4: 1, ipv6: 2 } as const;

/**
 * Reads up to `count` records from `bytes[at..end)` into `fields`; returns what was wrong, if anything.
 * Records come in any order, so what depends on others waits for the end: the raw header wins over the sampled_* records.
 */
export function readFlowRecords(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  fields: SampleFields,
): string | undefined {
  let wrong: string | undefined;
  let ethernetAt = -1;
  let ipv4At = -1;
  let ipv6At = -1;
  let routerAt = -1;

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
    const recordEnd = start + length;
    let whole = true;
    switch (type) {
      case format.rawPacketHeader:
        whole = readRawPacketHeader(bytes, start, recordEnd, fields);
        break;
      case format.extendedSwitch:
        whole = readExtendedSwitch(bytes, start, recordEnd, fields);
        break;
      case format.extendedGateway:
        whole = readExtendedGateway(bytes, start, recordEnd, fields);
        break;
      case format.extendedRouter: {
        const addressLength = readAddressLength(bytes, start, recordEnd);
        whole = addressLength >= 0 && length >= 12 + addressLength;
        if (whole) routerAt = start;
        break;
      }
      case format.sampledEthernet:
        whole = length >= 24;
        if (whole) ethernetAt = start;
        break;
      case format.sampledIpv4:
        whole = length >= 32;
        if (whole) ipv4At = start;
        break;
      case format.sampledIpv6:
        whole = length >= 56;
        if (whole) ipv6At = start;
        break;
      case format.extendedEgressQueue:
        whole = length >= 4;
        if (whole) fields.set(slot['sflow.egressQueue'], uint32At(bytes, start));
        break;
    }
    if (!whole) wrong ??= `record ${i} of format ${formatText(type)} is not whole in its ${length} bytes`;
    at = paddedEnd(recordEnd, start, end);
  }

  if (ethernetAt >= 0) readSampledEthernet(bytes, ethernetAt, fields);
  // With a raw header, an IP record can only repeat it (or tell of a packet inside it, which is not this flow).
  if (ipv4At >= 0 && !fields.has(slot.ipVersion)) readSampledIpv4(bytes, ipv4At, fields);
  if (ipv6At >= 0 && !fields.has(slot.ipVersion)) readSampledIpv6(bytes, ipv6At, fields);
  if (routerAt >= 0) readExtendedRouter(bytes, routerAt, fields);
  return wrong;
}

export function formatText(dataFormat: number): string {
  return `${dataFormat >>> 12}:${dataFormat & 0xfff}`;
}

/** XDR pads opaque data to 4 bytes (RFC 4506 §4.10); some agents forget it after the last one. */
export function paddedEnd(dataEnd: number, start: number, end: number): number {
  return Math.min(end, dataEnd + ((start - dataEnd) & 3));
}

/** header_protocol, frame_length, stripped, opaque header<>. The first one counts: it is the outermost packet. */
function readRawPacketHeader(bytes: Uint8Array, at: number, end: number, fields: SampleFields): boolean {
  if (at + 16 > end) return false;
  const headerLength = uint32At(bytes, at + 12);
  if (headerLength > end - at - 16) return false;
  if (fields.has(slot.dataLinkFrameSize)) return true;
  fields.set(slot.dataLinkFrameSize, uint32At(bytes, at + 4));
  readPacketHeader(bytes, at + 16, at + 16 + headerLength, uint32At(bytes, at), fields);
  return true;
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

/** src_vlan, src_priority, dst_vlan, dst_priority. */
function readExtendedSwitch(bytes: Uint8Array, at: number, end: number, fields: SampleFields): boolean {
  if (at + 16 > end) return false;
  fields.set(slot.vlanId, uint32At(bytes, at));
  fields.set(slot.postVlanId, uint32At(bytes, at + 8));
  return true;
}

/** nexthop, src_mask_len, dst_mask_len. The masks belong to the packet's family: a next hop may be of the other one. */
function readExtendedRouter(bytes: Uint8Array, at: number, fields: SampleFields): void {
  const nextHopType = uint32At(bytes, at);
  setAddress(bytes, at, slot.ipNextHopIPv4Address, slot.ipNextHopIPv6Address, fields);
  const isIpv6 =
    fields.has(slot.sourceIPv6Address) || (nextHopType === addressType.ipv6 && !fields.has(slot.sourceIPv4Address));
  at += 4 + addressLengthOf(nextHopType);
  fields.set(isIpv6 ? slot.sourceIPv6PrefixLength : slot.sourceIPv4PrefixLength, uint32At(bytes, at));
  fields.set(isIpv6 ? slot.destinationIPv6PrefixLength : slot.destinationIPv4PrefixLength, uint32At(bytes, at + 4));
}

/** nexthop, as, src_as, src_peer_as, dst_as_path<> (segments of type and AS numbers), communities<>, localpref. */
function readExtendedGateway(bytes: Uint8Array, at: number, end: number, fields: SampleFields): boolean {
  const nextHopAt = at;
  const addressLength = readAddressLength(bytes, at, end);
  if (addressLength < 0) return false;
  at += 4 + addressLength;
  const numbersAt = at;
  at += 16;
  if (at > end) return false;

  const asPath: number[] = [];
  for (let left = uint32At(bytes, at - 4); left > 0; left--) {
    if (at + 8 > end) return false;
    const length = uint32At(bytes, at + 4);
    at += 8;
    if (length > (end - at) / 4) return false;
    pushUint32s(bytes, at, length, asPath);
    at += 4 * length;
  }

  if (at + 4 > end) return false;
  const communityCount = uint32At(bytes, at);
  at += 4;
  if (communityCount > (end - at - 4) / 4) return false;
  const communities: number[] = [];
  pushUint32s(bytes, at, communityCount, communities);
  at += 4 * communityCount;

  setAddress(bytes, nextHopAt, slot.bgpNextHopIPv4Address, slot.bgpNextHopIPv6Address, fields);
  fields.set(slot.bgpSourceAsNumber, uint32At(bytes, numbersAt + 4));
  fields.set(slot.bgpPrevAdjacentAsNumber, uint32At(bytes, numbersAt + 8));
  if (asPath.length > 0) {
    fields.set(slot.asPath, asPath);
    fields.set(slot.bgpNextAdjacentAsNumber, asPath[0]!);
    fields.set(slot.bgpDestinationAsNumber, asPath[asPath.length - 1]!);
  }
  if (communities.length > 0) fields.set(slot.communities, communities);
  fields.set(slot['sflow.localPreference'], uint32At(bytes, at));
  return true;
}

function pushUint32s(bytes: Uint8Array, at: number, count: number, into: number[]): void {
  for (let i = 0; i < count; i++) into.push(uint32At(bytes, at + 4 * i));
}

function setAddress(bytes: Uint8Array, at: number, ipv4Slot: number, ipv6Slot: number, fields: SampleFields): void {
  const type = uint32At(bytes, at);
  if (type === addressType.ipv4) fields.set(ipv4Slot, uint32At(bytes, at + 4));
  else if (type === addressType.ipv6) fields.set(ipv6Slot, ipv6TextAt(bytes, at + 4));
}

/** Length of the address whose type stands at `at`; -1: no such type, or no room for it. */
function readAddressLength(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 > end) return -1;
  const type = uint32At(bytes, at);
  if (type > addressType.ipv6) return -1;
  const length = addressLengthOf(type);
  return at + 4 + length > end ? -1 : length;
}

/** §5.1, address: unknown has no bytes. */
export function addressLengthOf(type: number): number {
  if (type === addressType.ipv4) return 4;
  return type === addressType.ipv6 ? 16 : 0;
}
