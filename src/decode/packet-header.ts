// The first bytes of a sampled packet → its headers, as columns of the sample: the outermost ones, or those of the innermost packet
// of a tunnel with the outermost ones beside them (`sflow.outer…`). Also for packet sections in IPFIX (elements 313 and 315).

import { readIp } from './ip-header.ts';
import { headerProtocol, readLinkHeader } from './link-header.ts';
import { findPseudowire, findTunnelled, type InnerPacket } from './packet-tunnels.ts';
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
  const { payload, trial } = inner;
  let names = '';
  let found = ipAt < 0 ? findPseudowire(bytes, -ipAt, end, inner) : findTunnelled(bytes, inner);
  for (let tunnels = 0; found && tunnels < maxTunnels; tunnels++) {
    names = names === '' ? inner.tunnel : `${names}/${inner.tunnel}`;
    trial.clear();
    let innerIpAt = readLinkHeader(bytes, inner.at, inner.end, inner.link, trial);
    const labels = trial.get(slot.mplsLabels);
    if (innerIpAt < -1 && findPseudowire(bytes, -innerIpAt, inner.end, inner)) {
      names += `/${inner.tunnel}`;
      innerIpAt = readLinkHeader(bytes, inner.at, inner.end, inner.link, trial);
    }
    if (!hasAddresses(bytes, innerIpAt, inner.end)) return;

    fields.moveOutward(firstReplaced(inner.link));
    readLinkHeader(bytes, inner.at, inner.end, inner.link, fields);
    if (labels !== undefined) fields.set(slot.mplsLabels, labels);
    const innerEnd = inner.end;
    readIp(bytes, innerIpAt, innerEnd, fields, payload);
    fields.set(slot['sflow.tunnel'], names);
    if (inner.id >= 0) fields.set(slot['sflow.tunnelId'], inner.id);
    found = findTunnelled(bytes, inner);
  }
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
