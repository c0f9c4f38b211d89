// What is known of one IP address: worked out once by the steps that describe addresses, then cached.

export interface GeoLocation {
  readonly lat: number;
  readonly lon: number;
}

export interface AutonomousSystem {
  readonly asn: number | undefined;
  /** "Google LLC (15169)", "Google LLC" or "15169". */
  readonly text: string;
}

export interface NamedNetwork {
  readonly name: string | undefined;
  readonly site: string | undefined;
  /** Never empty. */
  readonly tags: readonly string[] | undefined;
}

/** Steps fill in what they know in `describe`; afterwards nobody changes it. */
export interface AddressFacts {
  /** Canonical text. */
  readonly text: string;
  readonly version: 4 | 6;
  /** Within the private, local, multicast and broadcast ranges of ElastiFlow's list, unless `locality` says otherwise: no place, no AS. */
  isPrivate: boolean;
  /** The address itself until a step knows a name. The one fact that may change later: a name server answers when it likes. */
  hostname: string;
  /** Set by `hostname`: when the name is to be asked for again, in whole seconds since 1970. */
  hostnameDueS: number | undefined;
  /** Set by `asn`: "Google LLC (15169)", "private" or "public". */
  autonomousSystem: string | undefined;
  asn: number | undefined;
  /** Set by `geoip`. */
  country: string | undefined;
  countryCode: string | undefined;
  city: string | undefined;
  location: GeoLocation | undefined;
  /** Set by `locality`. */
  locality: 'private' | 'public' | undefined;
  /** Set by `locality`: the user's network that the address is in. */
  network?: NamedNetwork | undefined;
  /** Set by `direction`: within the user's networks. */
  isInternal?: boolean;
  /** Set by `reputation`: the labels of the lists that the address is on; never empty. */
  reputation: readonly string[] | undefined;
  /** Set by `community-id`: the address as one or four signed 32-bit words. */
  words: readonly number[] | undefined;
  /** Set by `lookup`: the table that the address was looked up in last, and the row there; -1: none. */
  foundIn?: object | undefined;
  foundRow?: number;
  /** It has a fact that both sides of a flow share (sides-text.ts). */
  readonly isPlaced?: boolean | undefined;
  /** 32 bits of `text` (text-hash.ts). */
  readonly hash?: number;
  /** The same address in another system: what an exporter says of one flow is not for the others. */
  withSystem?(system: AutonomousSystem): AddressFacts;
  /**
   * JSON of the address in one part (sides-text.ts), as `rewrite` leaves it, kept with the facts; without it the JSON is made anew each
   * time. `rewrite` is the same each time.
   */
  partText?(index: number, exporter: string, rewrite?: (text: string) => string): string;
}
