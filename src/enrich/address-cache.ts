// Facts of addresses, worked out once by the steps that describe addresses and kept with the JSON text made of them.
// The private ranges: private-networks.ts. The parts an address plays: sides-text.ts.

import type { AddressFacts, AutonomousSystem, GeoLocation, NamedNetwork } from './address-facts.ts';
import { toIPv4Text } from './address-text.ts';
import { flat } from './json-text.ts';
import { isPrivateIPv4, isPrivateIPv6, mappedIPv4 } from './private-networks.ts';
import { createRecentMap } from './recent-map.ts';
import { createRecentNumbers } from './recent-numbers.ts';
import { hasPlace, hostnameOf, loopback, parts, type Rewrite, toPartText } from './sides-text.ts';
import { hashText } from './text-hash.ts';

/** Facts that keep their own JSON: a document copies it instead of making it again. */
export class DescribedAddress implements AddressFacts {
  // What each flow reads stands first, in one line of memory.
  isPlaced: boolean | undefined;
  locality: 'private' | 'public' | undefined;
  /** JSON by part. Kept from the second use on: of a scan's addresses there is no second use. */
  private texts: (string | undefined)[] | undefined;
  private isUsed = false;
  readonly hash: number;
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
  network: NamedNetwork | undefined;
  isInternal = false;
  reputation: readonly string[] | undefined;
  words: readonly number[] | undefined;
  foundIn: object | undefined;
  foundRow = -1;
  private name: string;
  /** The same address in the system that an exporter named last. */
  private inSystem: DescribedAddress | undefined;

  constructor(text: string, version: 4 | 6, isPrivate: boolean) {
    this.text = text;
    this.version = version;
    this.isPrivate = isPrivate;
    this.name = text;
    this.hash = hashText(text);
  }

  get hostname(): string {
    return this.name;
  }

  /** A name that came late: the JSON made so far shows the address. */
  set hostname(name: string) {
    this.name = name;
    this.texts = undefined;
    this.inSystem = undefined;
  }

  withSystem({ asn, text }: AutonomousSystem): AddressFacts {
    const known = this.inSystem;
    if (known !== undefined && known.asn === asn && known.autonomousSystem === text) return known;
    const own = Object.assign(new DescribedAddress(this.text, this.version, this.isPrivate), this);
    own.asn = asn;
    own.autonomousSystem = text;
    own.isPlaced = hasPlace(own);
    own.texts = undefined;
    own.isUsed = false;
    own.inSystem = undefined;
    this.inSystem = own;
    return own;
  }

  partText(index: number, exporter: string, rewrite?: Rewrite): string {
    return this.texts?.[index] ?? this.makePartText(index, exporter, rewrite);
  }

  private makePartText(index: number, exporter: string, rewrite: Rewrite | undefined): string {
    const made = toPartText(this, parts[index]!, hostnameOf(this, exporter));
    const text = rewrite === undefined ? made : rewrite(made);
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
  const v4 = createRecentNumbers<DescribedAddress>(maxAddresses);
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
    facts.isPlaced = hasPlace(facts);
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
