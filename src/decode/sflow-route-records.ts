// The records of switch, router and gateway inside a sample → VLANs, next hops, masks and BGP columns. sFlow v5 specification §5.3.
// They come with nearly every sample of a switch or router, so each is read directly.

import { ipv6TextAt } from '../model/address-text.ts';
import type { SampleFields } from './sample-fields.ts';
import { outer, slot } from './sflow-columns.ts';
import { uint32At } from './wire-numbers.ts';
import { addressLengthOf, addressType } from './xdr-data.ts';

const asPathSegment = { set: 1, sequence: 2 } as const;

/** src_vlan, src_priority, dst_vlan, dst_priority. False when it is not whole, as for all below. */
export function readExtendedSwitch(bytes: Uint8Array, at: number, end: number, fields: SampleFields): boolean {
  if (at + 16 > end) return false;
  fields.set(slot.vlanId, uint32At(bytes, at));
  fields.set(slot['sflow.switch.src_priority'], uint32At(bytes, at + 4));
  fields.set(slot.postVlanId, uint32At(bytes, at + 8));
  fields.set(slot['sflow.switch.dst_priority'], uint32At(bytes, at + 12));
  return true;
}

export function isExtendedRouter(bytes: Uint8Array, at: number, end: number): boolean {
  const addressLength = readAddressLength(bytes, at, end);
  return addressLength >= 0 && end - at >= 12 + addressLength;
}

/** nexthop, src_mask_len, dst_mask_len. The masks belong to the packet's family: a next hop may be of the other one. */
export function readExtendedRouter(bytes: Uint8Array, at: number, fields: SampleFields): void {
  const nextHopType = uint32At(bytes, at);
  setAddress(bytes, at, slot.ipNextHopIPv4Address, slot.ipNextHopIPv6Address, fields);
  // Inside a tunnel there may be a packet of another family than the one that was routed.
  const isIpv6 =
    fields.has(slot.sourceIPv6Address + outer.distance) ||
    (!fields.has(slot.sourceIPv4Address + outer.distance) &&
      (fields.has(slot.sourceIPv6Address) ||
        (nextHopType === addressType.ipv6 && !fields.has(slot.sourceIPv4Address))));
  at += 4 + addressLengthOf(nextHopType);
  fields.set(isIpv6 ? slot.sourceIPv6PrefixLength : slot.sourceIPv4PrefixLength, uint32At(bytes, at));
  fields.set(isIpv6 ? slot.destinationIPv6PrefixLength : slot.destinationIPv4PrefixLength, uint32At(bytes, at + 4));
}

/** nexthop, as, src_as, src_peer_as, dst_as_path<> (segments of type and AS numbers), communities<>, localpref. */
export function readExtendedGateway(bytes: Uint8Array, at: number, end: number, fields: SampleFields): boolean {
  const nextHopAt = at;
  const addressLength = readAddressLength(bytes, at, end);
  if (addressLength < 0) return false;
  at += 4 + addressLength;
  const numbersAt = at;
  at += 16;
  if (at > end) return false;

  const asPath: number[] = [];
  const segments: string[] = [];
  let hasSet = false;
  for (let left = uint32At(bytes, at - 4); left > 0; left--) {
    if (at + 8 > end) return false;
    const isSet = uint32At(bytes, at) === asPathSegment.set;
    const length = uint32At(bytes, at + 4);
    at += 8;
    if (length > (end - at) / 4) return false;
    const first = asPath.length;
    pushUint32s(bytes, at, length, asPath);
    // Only a path with a set needs the text; sequences before it may be many, so they are written when the first set comes.
    if (isSet && !hasSet && first > 0) segments.push(asPath.slice(0, first).join(' '));
    hasSet ||= isSet;
    if (hasSet && length > 0) {
      const numbers = asPath.slice(first);
      segments.push(isSet ? `{${numbers.join(',')}}` : numbers.join(' '));
    }
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
  fields.set(slot['sflow.gateway.as'], uint32At(bytes, numbersAt));
  fields.set(slot.bgpSourceAsNumber, uint32At(bytes, numbersAt + 4));
  fields.set(slot.bgpPrevAdjacentAsNumber, uint32At(bytes, numbersAt + 8));
  if (asPath.length > 0) {
    fields.set(slot.asPath, asPath);
    fields.set(slot.bgpNextAdjacentAsNumber, asPath[0]!);
    fields.set(slot.bgpDestinationAsNumber, asPath[asPath.length - 1]!);
  }
  if (hasSet) fields.set(slot['sflow.gateway.dst_as_path'], segments.join(' '));
  if (communities.length > 0) fields.set(slot.communities, communities);
  fields.set(slot['sflow.gateway.localpref'], uint32At(bytes, at));
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
