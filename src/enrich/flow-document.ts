// The document of one flow while steps work on it. One object is reused for all rows: steps keep no reference to it.
// How it is stored (names, nesting, text forms) is document-fields.ts' business.

import type { RecordHeader } from '../model/record.ts';
import type { AddressFacts } from './address-facts.ts';

/** A counter: a number, or decimal text beyond 2^53 - 1. */
export type Count = number | string;

export type Side = 'src' | 'dst';

/** Where the sampling interval came from; `none`: nobody said. */
export type SamplingSource = 'header' | 'record' | 'options' | 'override' | 'default' | 'none';

export class FlowDocument {
  header!: RecordHeader;
  /** `@timestamp`, ms since 1970. */
  timestampMs = 0;
  /** Exporter address after proxies (elements 130, 131) and sFlow agents: `node.ipaddr`. */
  exporter = '';

  src: AddressFacts | undefined;
  dst: AddressFacts | undefined;
  /** Which side is the server, once a step has decided. */
  server: Side | undefined;

  srcPort: number | undefined;
  dstPort: number | undefined;
  /** IP protocol number. */
  protocol: number | undefined;
  /** TCP control bits. */
  tcpFlags: number | undefined;

  bytes: Count | undefined;
  packets: Count | undefined;
  /** 1 out of N packets; 0: not sampled. Undefined: nobody said. */
  samplingInterval: number | undefined;
  samplingSource: SamplingSource | undefined;

  /** Set by `services`: "https (TCP/443)". */
  srcPortName: string | undefined;
  dstPortName: string | undefined;

  inputSnmp: number | undefined;
  outputSnmp: number | undefined;
}
