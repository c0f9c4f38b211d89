// Facts of addresses, worked out once by the steps that describe addresses and kept with the JSON text made of them.
// The ranges and roles: data/field-map.yml, docs/fields.md.

import type { AddressFacts, GeoLocation } from './address-facts.ts';
import { toIPv4Text } from './address-text.ts';
import { quoted } from './json-text.ts';
import { isPrivateIPv4, isPrivateIPv6, mappedIPv4 } from './private-networks.ts';
import { createRecentMap } from './recent-map.ts';

export type Role = 'src' | 'dst' | 'client' | 'server';

/** Facts that keep their own JSON: a document copies it instead of making it again. */
export class DescribedAddress implements AddressFacts {
  readonly text: string;
  readonly version: 4 | 6;
  readonly isPrivate: boolean;
  hostname: string;
  autonomousSystem: string | undefined;
  asn: number | undefined;
  country: string | undefined;
  countryCode: string | undefined;
  city: string | undefined;
  location: GeoLocation | undefined;
  locality: 'private' | 'public' | undefined;

  private srcText: string | undefined;
  private dstText: string | undefined;
  private clientText: string | undefined;
  private serverText: string | undefined;
  private placeText: string | undefined;

  constructor(text: string, version: 4 | 6, isPrivate: boolean) {
    this.text = text;
    this.version = version;
    this.isPrivate = isPrivate;
    this.hostname = text;
  }

  /** `,"src_addr":…,"src_hostname":…` and so on, for the side of a flow. */
  src(): string {
    this.srcText ??= flat(sideText(this, 'src', this.hostname));
    return this.srcText;
  }

  dst(): string {
    this.dstText ??= flat(sideText(this, 'dst', this.hostname));
    return this.dstText;
  }

  client(): string {
    this.clientText ??= flat(sideText(this, 'client', this.hostname));
    return this.clientText;
  }

  server(): string {
    this.serverText ??= flat(sideText(this, 'server', this.hostname));
    return this.serverText;
  }

  /** The fields that both sides share, when this side alone has a place. */
  place(): string {
    this.placeText ??= flat(placeText(this, undefined));
    return this.placeText;
  }
}

/** The fields of one address in one role. Places of end points are objects, those of client and server text, as ElastiFlow has them. */
export function sideText(facts: AddressFacts, role: Role, hostname: string): string {
  let text = `,"${role}_addr":${quoted(facts.text)},"${role}_hostname":${quoted(hostname)}`;
  if (facts.autonomousSystem !== undefined) text += `,"${role}_autonomous_system":${quoted(facts.autonomousSystem)}`;
  if (facts.asn !== undefined) text += `,"${role}_asn":${facts.asn}`;
  if (facts.city !== undefined) text += `,"${role}_city":${quoted(facts.city)}`;
  if (facts.country !== undefined) text += `,"${role}_country":${quoted(facts.country)}`;
  if (facts.countryCode !== undefined) text += `,"${role}_country_code":${quoted(facts.countryCode)}`;
  if (facts.location !== undefined) {
    const { lat, lon } = facts.location;
    text += `,"${role}_geo_location":${
      role === 'src' || role === 'dst' ? `{"lat":${lat},"lon":${lon}}` : `"${lat},${lon}"`
    }`;
  }
  return text;
}

/** The fields that both sides share: dst's value first, then src's, once when they are equal, never "private". */
export function placeText(dst: AddressFacts | undefined, src: AddressFacts | undefined): string {
  return (
    bothText('autonomous_system', publicSystem(dst), publicSystem(src)) +
    bothText('city', dst?.city, src?.city) +
    bothText('country', dst?.country, src?.country) +
    bothText('country_code', dst?.countryCode, src?.countryCode)
  );
}

export function publicSystem(facts: AddressFacts | undefined): string | undefined {
  return facts === undefined || facts.isPrivate ? undefined : facts.autonomousSystem;
}

function bothText(name: string, dst: string | undefined, src: string | undefined): string {
  if (dst === undefined || src === undefined || dst === src) {
    const one = dst ?? src;
    return one === undefined ? '' : `,"${name}":${quoted(one)}`;
  }
  return `,"${name}":[${quoted(dst)},${quoted(src)}]`;
}

/** A string that was put together is a tree of its parts; copying it into a document walks the tree each time. This makes it one piece. */
function flat(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}

export interface AddressCache {
  ipv4(address: number): AddressFacts;
  ipv6(text: string): AddressFacts;
  readonly size: number;
}

export interface AddressCacheOptions {
  /** Fills in what the steps know. */
  readonly describe: (facts: AddressFacts) => void;
  readonly maxAddresses: number;
}

export function createAddressCache({ describe, maxAddresses }: AddressCacheOptions): AddressCache {
  const v4 = createRecentMap<number, DescribedAddress>(maxAddresses);
  // IPv6 shares the limit in spirit, not to the letter: a network sees few of its 2^128 addresses at a time, or a scan.
  const v6 = createRecentMap<string, DescribedAddress>(Math.ceil(maxAddresses / 2));

  function ipv4(address: number): AddressFacts {
    return (
      v4.get(address) ??
      v4.add(address, described(new DescribedAddress(toIPv4Text(address), 4, isPrivateIPv4(address))))
    );
  }

  function ipv6(text: string): AddressFacts {
    const mapped = text.startsWith('::ffff:') ? mappedIPv4(text) : undefined;
    if (mapped !== undefined) return ipv4(mapped);
    return v6.get(text) ?? v6.add(text, described(new DescribedAddress(text, 6, isPrivateIPv6(text))));
  }

  function described(facts: DescribedAddress): DescribedAddress {
    describe(facts);
    return facts;
  }

  return {
    ipv4,
    ipv6,
    get size() {
      return v4.size + v6.size;
    },
  };
}
