// The hosts of the simulated world: a few hundred inside, some thousands outside.

import type { Address } from './flow.ts';
import { createChoice, type Random, zipfWeights } from './random.ts';

export interface Host {
  readonly address: Address;
  readonly prefixLength: number;
  /** Interface of the exporter behind which it sits. */
  readonly interface: number;
  /** 0: untagged. */
  readonly vlan: number;
  readonly mac: number;
  readonly isInside: boolean;
  /** The same machine's IPv6 side. */
  readonly ipv6: Host | undefined;
}

/** Where hosts stand. */
export interface Place {
  readonly interface: number;
  readonly vlan: number;
  readonly mac: number;
  readonly isInside: boolean;
}

export interface OuterHosts {
  pick(random: Random): Host;
}

/** Popular networks have popular hosts; `perNetwork` bounds how many addresses there are. */
export function createOuterHosts(
  networks: readonly string[],
  perNetwork: number,
  exponent: number,
  place: Place,
  random: Random,
): OuterHosts {
  const hosts = networks.map((network) =>
    Array.from({ length: perNetwork }, () => toHost(toRandomAddress(network, random), prefixLengthOf(network), place)),
  );
  const chooseNetwork = createChoice(zipfWeights(networks.length, exponent));
  const chooseHost = createChoice(zipfWeights(perNetwork, exponent));
  return { pick: (from) => hosts[chooseNetwork(from)]?.[chooseHost(from)] as Host };
}

/** Inner hosts numbered from `first` in a subnet of IPv4; with an IPv6 prefix, every second one has both. */
export function createInnerHosts(options: {
  readonly subnet: string;
  readonly ipv6?: string;
  readonly first: number;
  readonly count: number;
  readonly place: Place;
}): readonly Host[] {
  const { subnet, ipv6, first, count, place } = options;
  const base = toIpv4(subnet.split('/')[0] ?? '');
  return Array.from({ length: count }, (_, i) => {
    const address = base + first + i;
    const own = { ...place, mac: place.mac + first + i };
    const twin = ipv6 !== undefined && i % 2 === 0 ? toHost(toIpv6Address(ipv6, address & 0xffff), 64, own) : undefined;
    return toHost(address, prefixLengthOf(subnet), own, twin);
  });
}

export function toHost(address: Address, prefixLength: number, place: Place, ipv6?: Host): Host {
  const { interface: index, vlan, mac, isInside } = place;
  return { address, prefixLength, interface: index, vlan, mac, isInside, ipv6 };
}

export function toIpv4(text: string): number {
  return text.split('.').reduce((value, part) => value * 256 + Number(part), 0);
}

/** `prefix` is written as "2001:db8:1::/48". */
function toIpv6Address(prefix: string, interfaceId: number): Uint8Array {
  const bytes = toIpv6Prefix(prefix);
  new DataView(bytes.buffer).setUint32(12, interfaceId);
  return bytes;
}

function toIpv6Prefix(prefix: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16);
  for (const [at, group] of (prefix.split('::')[0] ?? '').split(':').entries())
    new DataView(bytes.buffer).setUint16(at * 2, Number.parseInt(group, 16));
  return bytes;
}

function toRandomAddress(network: string, random: Random): Address {
  const length = prefixLengthOf(network);
  if (!network.includes(':')) {
    const size = 2 ** (32 - length);
    // Neither the network's own address nor its broadcast address.
    return toIpv4(network.split('/')[0] ?? '') + random.between(1, size - 2);
  }
  const bytes = toIpv6Prefix(network);
  for (let bit = length; bit < 128; bit += 1)
    if (random.chance(0.5)) bytes[bit >> 3] = (bytes[bit >> 3] as number) | (0x80 >> (bit & 7));
  return bytes;
}

function prefixLengthOf(network: string): number {
  return Number(network.split('/')[1]);
}
