// The document of one flow while steps work on it. One object is reused for all rows: steps keep no reference to it.
// How it is stored (names, nesting, text forms) is document-fields.ts' business.

import type { RecordHeader } from '../model/record.ts';
import type { AddressFacts, AutonomousSystem } from './address-facts.ts';
import { DocumentChanges } from './document-changes.ts';

/** A counter: a number, or decimal text beyond 2^53 - 1. */
export type Count = number | string;

export type Side = 'src' | 'dst';

/** Where the sampling interval came from; `none`: nobody said. */
export type SamplingSource = 'header' | 'record' | 'options' | 'override' | 'default' | 'none';

export class FlowDocument {
  header!: RecordHeader;
  /** Labels, and what steps changed in fields without a property here. */
  readonly changes = new DocumentChanges();
  /** `@timestamp`, ms since 1970. */
  timestampMs = 0;
  /** Exporter address after proxies (elements 130, 131) and sFlow agents: `node.ipaddr`. */
  exporter = '';
  /** Set by `hostname`: the name of the exporter. */
  exporterHostname: string | undefined;
  /** `event.type` and the name of the object that holds what has no place in `flow`. */
  type: 'netflow' | 'ipfix' | 'sflow' = 'netflow';

  src: AddressFacts | undefined;
  dst: AddressFacts | undefined;
  /** Elements 16 and 17, as the exporter's BGP has them. Only read where a step asks for it (`readsAsNumbers`). */
  srcAsNumber: number | undefined;
  dstAsNumber: number | undefined;
  /** Set by `asn` where the exporter goes before the database: in place of what the facts of the address say. */
  srcSystem: AutonomousSystem | undefined;
  dstSystem: AutonomousSystem | undefined;
  /** Which side is the server, once a step has decided. */
  server: Side | undefined;
  /** What decided it (step `server`). */
  serverRule: string | undefined;
  /** Element 239 (RFC 5103 §6.3): 1, the source is the initiator; 2, the destination is. */
  biflowDirection: number | undefined;
  /** Set by `direction`: inbound, outbound, internal or transit. */
  trafficDirection: string | undefined;
  /** Set by `dedupe`: false where another observer of the same packets counts. */
  canonical: false | undefined;
  /** First and last packet, ms since 1970. Only read where a step asks for it (`readsTimes`). */
  startMs: number | undefined;
  endMs: number | undefined;
  ipVersion: 4 | 6 | undefined;

  srcPort: number | undefined;
  dstPort: number | undefined;
  /** IP protocol number. */
  protocol: number | undefined;
  /** TCP control bits. */
  tcpFlags: number | undefined;
  /** The whole type-of-service octet. */
  tos: number | undefined;

  bytes: Count | undefined;
  packets: Count | undefined;
  /** 1 out of N packets; 0: not sampled. Undefined: nobody said. */
  samplingInterval: number | undefined;
  samplingSource: SamplingSource | undefined;
  /** Set by `sample`: this flow stands for so many. */
  flowSamplingInterval: number | undefined;

  /** Where the flow is stored in parts: which one this is, from 1, and how many there are. Set after all steps. */
  splitPart: number | undefined;
  splitParts: number | undefined;
  /** Set by `split`: why a long flow stays whole. */
  splitSkipped: string | undefined;

  /** Set by `services`: "https (TCP/443)". */
  srcPortName: string | undefined;
  dstPortName: string | undefined;

  /** 0 ingress, 1 egress (element 61). */
  direction: number | undefined;
  inputSnmp: number | undefined;
  outputSnmp: number | undefined;
  /** Interface names, once a step knows them; stored as `index: <n>` until then. */
  inputIfname: string | undefined;
  outputIfname: string | undefined;
  /** Set by `interfaces`, by SNMP: what the operator wrote (ifAlias), and bits per second. */
  inputIfalias: string | undefined;
  outputIfalias: string | undefined;
  inputIfspeed: number | undefined;
  outputIfspeed: number | undefined;

  vlan: number | undefined;
  /** Set by `vlan-names`. */
  vlanName: string | undefined;
  /** 48-bit numbers. */
  srcMac: number | undefined;
  dstMac: number | undefined;
  /** Set by `oui`. */
  srcMacVendor: string | undefined;
  dstMacVendor: string | undefined;
  srcMaskLen: number | undefined;
  dstMaskLen: number | undefined;
  /** Addresses that are no end points: canonical text. */
  nextHop: string | undefined;
  bgpNextHop: string | undefined;
  srcAddrTrans: string | undefined;
  dstAddrTrans: string | undefined;
  srcPortTrans: number | undefined;
  dstPortTrans: number | undefined;
  bgpValidState: number | undefined;
  application: string | undefined;
  /** Type and code as one number (element 32, 139) or as two (176 to 179). */
  icmpTypeCode: number | undefined;
  icmpType: number | undefined;
  icmpCode: number | undefined;
  /** Set by `community-id`; stored as `network.community_id`. */
  communityId: string | undefined;

  /** Forgets the last flow; header, time, exporter and type are set for each set of records anyway. */
  clear(): void {
    this.exporterHostname = undefined;
    this.src = undefined;
    this.dst = undefined;
    this.srcAsNumber = undefined;
    this.dstAsNumber = undefined;
    this.srcSystem = undefined;
    this.dstSystem = undefined;
    this.server = undefined;
    this.serverRule = undefined;
    this.biflowDirection = undefined;
    this.trafficDirection = undefined;
    this.canonical = undefined;
    this.startMs = undefined;
    this.endMs = undefined;
    this.ipVersion = undefined;
    this.srcPort = undefined;
    this.dstPort = undefined;
    this.protocol = undefined;
    this.tcpFlags = undefined;
    this.tos = undefined;
    this.bytes = undefined;
    this.packets = undefined;
    this.samplingInterval = undefined;
    this.samplingSource = undefined;
    this.flowSamplingInterval = undefined;
    this.splitPart = undefined;
    this.splitParts = undefined;
    this.splitSkipped = undefined;
    this.srcPortName = undefined;
    this.dstPortName = undefined;
    this.direction = undefined;
    this.inputSnmp = undefined;
    this.outputSnmp = undefined;
    this.inputIfname = undefined;
    this.outputIfname = undefined;
    this.inputIfalias = undefined;
    this.outputIfalias = undefined;
    this.inputIfspeed = undefined;
    this.outputIfspeed = undefined;
    this.vlan = undefined;
    this.vlanName = undefined;
    this.srcMac = undefined;
    this.dstMac = undefined;
    this.srcMacVendor = undefined;
    this.dstMacVendor = undefined;
    this.srcMaskLen = undefined;
    this.dstMaskLen = undefined;
    this.nextHop = undefined;
    this.bgpNextHop = undefined;
    this.srcAddrTrans = undefined;
    this.dstAddrTrans = undefined;
    this.srcPortTrans = undefined;
    this.dstPortTrans = undefined;
    this.bgpValidState = undefined;
    this.application = undefined;
    this.icmpTypeCode = undefined;
    this.icmpType = undefined;
    this.icmpCode = undefined;
    this.communityId = undefined;
    this.changes.clear();
  }
}

/** Properties of the flow document that hold a value of type T. */
export type PropertyOf<T> = {
  [P in keyof FlowDocument]-?: undefined extends FlowDocument[P]
    ? T extends Exclude<FlowDocument[P], undefined>
      ? P
      : never
    : never;
}[keyof FlowDocument];
