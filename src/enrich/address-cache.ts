// Facts of addresses, worked out once by the steps that describe addresses and kept with the JSON text made of them.
// The private ranges: private-networks.ts. The parts an address plays: sides-text.ts.

import type { AddressFacts, GeoLocation, NamedNetwork } from './address-facts.ts';
import { toIPv4Text } from './address-text.ts';
import { flat } from './json-text.ts';
import { isPrivateIPv4, isPrivateIPv6, mappedIPv4 } from './private-networks.ts';
import { createRecentMap } from './recent-map.ts';
import { hostnameOf, loopback, parts, toPartText } from './sides-text.ts';

/** Facts that keep their own JSON: a document copies it instead of making it again. */
export class DescribedAddress implements AddressFacts {
  readonly text: string;
  readonly version: 4 | 6;
  isPrivate: boolean;
  hostnameDueS: number | undefined;
  autonomousSystem: string | undefined;
  asn: number | undefined;
  country: string | undefined;
  countryCode: string | undefined;
  city: string | undefined;
  location: GeoLocation | undefined;
  locality: 'private' | 'public' | undefined;
  network: NamedNetwork | undefined;
  isInternal = false;
  reputation: readonly string[] | undefined;
  words: readonly number[] | undefined;
  private name: string;
  /** JSON by part. Kept from the second use on: of a scan's addresses there is no second use. */
  private texts: (string | undefined)[] | undefined;
  private isUsed = false;

  constructor(text: string, version: 4 | 6, isPrivate: boolean) {
    this.text = text;
    this.version = version;
    this.isPrivate = isPrivate;
    this.name = text;
  }

  get hostname(): string {
    return this.name;
  }

  /** A name that came late: the JSON made so far shows the address. */
  set hostname(name: string) {
    this.name = name;
    this.texts = undefined;
  }

  partText(index: number, exporter: string): string {
    return this.texts?.[index] ?? this.makePartText(index, exporter);
  }

  private makePartText(index: number, exporter: string): string {
    const text = toPartText(this, parts[index]!, hostnameOf(this, exporter));
    if (!this.isUsed) {
      // Never set for the loopback address: its text holds the exporter.
      this.isUsed = this.text !== loopback;
      return text;
    }
    this.texts ??= new Array<string | undefined>(parts.length).fill(undefined);
    this.texts[index] = flat(text);
    return this.texts[index];
  }
}

export interface AddressCache {
  ipv4(address: number): AddressFacts;
  ipv6(text: string): AddressFacts;
  /** Forgets all. */
  clear(): void;
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
    // As a signed number every address is a small integer of V8, which is found without a heap number.
    const key = address | 0;
    return v4.get(key) ?? v4.add(key, described(new DescribedAddress(toIPv4Text(address), 4, isPrivateIPv4(address))));
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
    clear() {
      v4.clear();
      v6.clear();
    },
    get size() {
      return v4.size + v6.size;
    },
  };
}
