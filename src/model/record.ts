// What decode says about one set of a datagram: a layout (named columns), a header (who, when), rows (values).
// Everything in here is JSON-safe: no Buffer, no bigint, no undefined inside a row (docs/decisions/0003).

export type Protocol = 'netflow5' | 'netflow9' | 'ipfix' | 'sflow5';

/** `discard`: an sFlow notification of one packet that was thrown away; `counters`: an sFlow counter sample. */
export type RecordKind = 'flow' | 'options' | 'counters' | 'discard';

/** Records that go on to the index; the others are read for what they teach. */
export function becomesDocument(kind: RecordKind): boolean {
  return kind === 'flow' || kind === 'discard';
}

/**
 * How the values of a column are written in a row:
 * - `number`: a JSON number; an integer beyond 2^53 - 1 is a decimal string
 * - `text`: a string without trailing NULs; bytes that are not printable UTF-8 are `{hex}`
 * - `bytes`: lower-case hex
 * - `ipv4`: the address as an unsigned 32-bit number (10.0.0.1 is 167772161)
 * - `ipv6`: canonical text (RFC 5952)
 * - `mac`: the address as a 48-bit number
 * - `time`: milliseconds since 1970, with a fraction where the element is finer
 * - `boolean`: true or false
 * - `list`: a StructuredList (RFC 6313)
 * A value that does not fit its column's type (a wrong length on the wire) is `{hex}`. An absent value is null.
 * An element that occurs more than once in a template is one column whose values are arrays, in template order.
 */
export type ColumnType = 'number' | 'text' | 'bytes' | 'ipv4' | 'ipv6' | 'mac' | 'time' | 'boolean' | 'list';

export interface RawBytes {
  readonly hex: string;
}

/**
 * A list of RFC 6313, with its bytes. What is in it has no column of its own, so it stands in the form that people read: addresses
 * and times as text.
 */
export interface StructuredList extends RawBytes {
  /** `allOf`, `exactlyOneOf` … (RFC 6313 §4.4), or the number of a semantic without a name. */
  readonly semantic: string;
  /** basicList: the element that all its values are of. */
  readonly element?: string;
  /** basicList: values. Else records by element name; one whose template is not known, or that is broken, is its bytes in hex. */
  readonly items: readonly unknown[];
}

export type FieldValue = number | string | boolean | null | RawBytes | readonly FieldValue[];

export type Row = readonly FieldValue[];

export interface Column {
  /** IANA information element name; `<pen>/<id>`, `v9:<id>`, `iana:<id>` where there is none; `weir.*` where decode joined it. */
  readonly name: string;
  readonly type: ColumnType;
}

/** The columns of the rows of one template. Two layouts with the same id are the same. */
export interface Layout {
  readonly id: string;
  readonly protocol: Protocol;
  readonly kind: RecordKind;
  readonly columns: readonly Column[];
  /**
   * NetFlow v9 options only: the number of the column of each scope, by RFC 3954 scope name (`system`, `interface`, `lineCard`,
   * `cache`, `template`, or the type's number). These columns have the name `scope:<scope name>`.
   */
  readonly scope?: Readonly<Record<string, number>>;
}

/** What the rows of one set have in common. */
export interface RecordHeader {
  /** Source IP address of the datagram, canonical text. */
  readonly exporter: string;
  /** Observation domain id (IPFIX), source id (v9), engine type * 256 + engine id (v5), sub-agent id (sFlow). */
  readonly domain: number;
  /** Template id (v9, IPFIX), else null. */
  readonly setId: number | null;
  readonly receivedAtMs: number;
  /** Export time of the header, ms since 1970, v5 to the microsecond; sFlow has none: the reception time. */
  readonly exportedAtMs: number;
  /** Header sequence number in the protocol's own unit. */
  readonly sequence: number;
  /**
   * Milliseconds since the exporter booted, at export, modulo 2^32. v5, v9, sFlow: from the header. IPFIX: only where options
   * records gave systemInitTimeMilliseconds, which flowStartSysUpTime and flowEndSysUpTime then count from.
   */
  readonly sysUptimeMs?: number;
  /** v5 only. */
  readonly v5?: V5Header;
  /** sFlow only. */
  readonly sflow?: SflowHeader;
}

export interface V5Header {
  /** Records in the datagram, as the header says. */
  readonly count: number;
  readonly engineType: number;
  readonly engineId: number;
  /** The two mode bits. */
  readonly samplingMode: number;
  /** 1 out of N packets; 0: not sampled. */
  readonly samplingInterval: number;
}

export interface SflowHeader {
  /** Agent address, canonical text. */
  readonly agent: string;
  readonly sampleType:
    | 'flow_sample'
    | 'expanded_flow_sample'
    | 'counter_sample'
    | 'expanded_counter_sample'
    | 'discarded_packet';
  readonly sampleSequence: number;
  readonly sourceIdType: number;
  readonly sourceIdIndex: number;
}

export interface RecordSet {
  readonly layout: Layout;
  readonly header: RecordHeader;
  readonly rows: readonly Row[];
}

/** Column that decode adds to a layout when options data told the sampling interval of its rows: 1 out of N packets. */
export const joinedSamplingInterval = 'weir.samplingInterval';

/** Columns of text that decode adds where options data told names for what the rows have as numbers. */
export const joinedNames = {
  ingressInterfaceName: 'weir.ingressInterfaceName',
  egressInterfaceName: 'weir.egressInterfaceName',
  ingressInterfaceDescription: 'weir.ingressInterfaceDescription',
  egressInterfaceDescription: 'weir.egressInterfaceDescription',
  applicationName: 'weir.applicationName',
  ingressVrfName: 'weir.ingressVRFName',
  egressVrfName: 'weir.egressVRFName',
} as const;
