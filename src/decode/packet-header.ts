// The first bytes of a sampled packet → its headers, as columns of the sample: the outermost ones, or those of the innermost packet
// of a tunnel with the outermost ones beside them (`sflow.outer…`). Also for packet sections in IPFIX (elements 313 and 315).

import type { FieldValue } from '../model/record.ts';
import { readIp } from './ip-header.ts';
import { headerProtocol, readLinkHeader } from './link-header.ts';
import { findTunnelled, type InnerPacket, setPseudowire } from './packet-tunnels.ts';
import type { SampleFields } from './sample-fields.ts';
import { slot } from './sflow-columns.ts';

/** Tunnels in tunnels: three occur (an overlay in a VPN over a provider's). Each takes bytes, so this only shortens `sflow.tunnel`. */
const maxTunnels = 8;

/** Reads `bytes[at..end)`; unknown protocols and headers end the walk. With `inner`, tunnels are followed. */
export function readPacketHeader(
  bytes: Uint8Array,
  at: number,
  end: number,
  protocol: number,
  fields: SampleFields,
  inner?: InnerPacket,
): void {
  const ipAt = readLinkHeader(bytes, at, end, protocol, fields);
  if (ipAt >= 0) readIp(bytes, ipAt, end, fields, inner?.payload);
  if (inner !== undefined && ipAt !== -1) readInnerPackets(bytes, ipAt, end, fields, inner);
}

/** The flow is that of the innermost packet whose addresses are in the sampled bytes: what is found is tried first, then taken. */
function readInnerPackets(
  bytes: Uint8Array,
  ipAt: number,
  end: number,
  fields: SampleFields,
  inner: InnerPacket,
): void {
  let names = '';
  for (let tunnels = 0; tunnels < maxTunnels; tunnels++) {
    let innerIpAt = tunnels === 0 ? ipAt : 0;
    let labels: FieldValue | undefined;
    if (innerIpAt >= 0) {
      if (!findTunnelled(bytes, inner)) return;
      names = names === '' ? inner.tunnel : `${names}/${inner.tunnel}`;
      innerIpAt = tryInner(bytes, inner);
      labels = inner.trial.get(slot.mplsLabels);
    }
    if (innerIpAt < -1) {
      innerIpAt = tryPseudowire(bytes, -innerIpAt, names === '' ? end : inner.end, inner);
      names = names === '' ? inner.tunnel : `${names}/${inner.tunnel}`;
    }
    if (!hasAddresses(bytes, innerIpAt, inner.end)) return;

    fields.moveOutward(firstReplaced(inner.link));
    readLinkHeader(bytes, inner.at, inner.end, inner.link, fields);
    if (labels !== undefined) fields.set(slot.mplsLabels, labels);
    readIp(bytes, innerIpAt, inner.end, fields, inner.payload);
    fields.set(slot['sflow.tunnel'], names);
    if (inner.id >= 0) fields.set(slot['sflow.tunnelId'], inner.id);
  }
}

/** Where IP is in what was found, as readLinkHeader says it. */
function tryInner(bytes: Uint8Array, inner: InnerPacket): number {
  inner.trial.clear();
  return readLinkHeader(bytes, inner.at, inner.end, inner.link, inner.trial);
}

/**
 * A frame below an MPLS stack may have a control word before it, and nothing says so: its first nibble is 0 (RFC 4385 §3), as that of
 * most MAC addresses. So the frame is tried without it first: an EtherType and an IP header in the wrong place are rare.
 */
function tryPseudowire(bytes: Uint8Array, at: number, end: number, inner: InnerPacket): number {
  setPseudowire(inner, at, end);
  const ipAt = tryInner(bytes, inner);
  if (hasAddresses(bytes, ipAt, end) || bytes[at]! >>> 4 !== 0) return ipAt;
  setPseudowire(inner, at + 4, end);
  return tryInner(bytes, inner);
}

/** A frame inside replaces all, MPLS the labels and what follows, IP only itself. */
function firstReplaced(link: number): number {
  if (link === headerProtocol.ethernet) return slot.destinationMacAddress;
  return link === headerProtocol.mpls ? slot.mplsLabels : slot.ipVersion;
}

function hasAddresses(bytes: Uint8Array, at: number, end: number): boolean {
  if (at < 0 || at >= end) return false;
  const first = bytes[at]!;
  // RFC 791 §3.1: at least five words; RFC 8200 §3.
  return first >>> 4 === 4 ? (first & 0xf) >= 5 && at + 20 <= end : first >>> 4 === 6 && at + 40 <= end;
}
