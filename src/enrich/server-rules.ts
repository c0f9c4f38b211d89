// Which side of a flow is the server: ElastiFlow 3.5's rule with its mistakes corrected, and the rules by evidence.
// The step: steps/server.ts. Flags: RFC 9293 §3.1; biflow direction: RFC 5103 §6.3; echo: RFC 792, RFC 4443 §4.

import { createConversationTable, createListenerTable } from './conversation-table.ts';
import type { FlowDocument, Side } from './flow-document.ts';
import type { ServiceNames } from './service-names.ts';
import { hashAddress, hashText, mixHash } from './text-hash.ts';

/** What `flow.server_rule` may say, the surest first. */
export const serverRules = {
  record: 'the record itself names client and server',
  biflow: 'the exporter saw who began (`biflowDirection`)',
  flags: 'a SYN alone goes to the server, a packet with SYN and ACK comes from it',
  echo: 'who is asked for an ICMP echo serves',
  multicast: 'a group of receivers, or a broadcast, asks for nothing',
  order: 'both directions were seen, and the client’s began first',
  service: 'one port has a well-known or registered service, the other is a temporary one',
  listener: 'the end point served before, by one of the rules above it',
  registered: 'one port has a registered service, the other has none',
  port: 'the lower port serves; the destination’s, if they are equal',
} as const;

export type ServerRule = keyof typeof serverRules;

const protocolNumbers = { icmp: 1, tcp: 6, udp: 17, dccp: 33, icmpV6: 58, sctp: 132, udpLite: 136 };
const withPorts: ReadonlySet<number> = new Set([
  protocolNumbers.tcp,
  protocolNumbers.udp,
  protocolNumbers.dccp,
  protocolNumbers.sctp,
  protocolNumbers.udpLite,
]);

/**
 * In this order:
 * 1. A side that is already decided stays.
 * 2. TCP whose only flags are SYN, or SYN and RST: the sender opens the connection, so the destination is the server.
 *    PSH, ACK, FIN and URG must be absent; ECE and CWR may accompany a SYN (RFC 3168 §6.1.1). ElastiFlow did not ask for TCP here,
 *    and its test for SYN and RST never held.
 * 3. One port has a registered service, the other has none: the registered one serves.
 * 4. Both or neither have: the lower port serves; the destination's, if they are equal.
 * Port 0 and a missing port say nothing (later fragments have none): then only rule 2 and a registered service on the other side decide.
 * ICMP has no ports: who is asked for an echo is the server, by the type and code that NetFlow puts into the destination port.
 * An ICMP "port" 0 is an echo reply or an exporter that does not tell: no decision. Other protocols have no server.
 * (ElastiFlow compared what stood in the ports, and so made the sender of a ping the server.)
 */
export function serverByElastiflow(flow: FlowDocument, services: ServiceNames): Side | undefined {
  const { protocol } = flow;
  if (protocol === undefined) return undefined;
  if (!withPorts.has(protocol)) return serverOfEcho(protocol, flow.dstPort);
  if (protocol === protocolNumbers.tcp && opensConnection(flow.tcpFlags)) return 'dst';
  const srcPort = flow.srcPort ?? 0;
  const dstPort = flow.dstPort ?? 0;
  const isSrcKnown = srcPort !== 0 && services.hasName(protocol, srcPort);
  const isDstKnown = dstPort !== 0 && services.hasName(protocol, dstPort);
  if (isSrcKnown !== isDstKnown) return isDstKnown ? 'dst' : 'src';
  if (srcPort === 0 || dstPort === 0) return undefined;
  return dstPort <= srcPort ? 'dst' : 'src';
}

export interface EvidenceOptions {
  /** Both directions of a conversation are looked for within so much time. */
  readonly windowMs: number;
  /** An end point that served is remembered for so long. */
  readonly memoryMs: number;
}

/** Temporary ports begin here: Linux 32768, IANA (RFC 6335 §6) and Windows 49152. */
const firstTemporaryPort = 32_768;
const firstUserPort = 1024;

/** Sets `server` and `serverRule` of a flow, and learns from the sure ones. */
export function createServerByEvidence(
  services: ServiceNames,
  { windowMs, memoryMs }: EvidenceOptions,
): (flow: FlowDocument) => void {
  const conversations = createConversationTable(windowMs);
  const listeners = createListenerTable(memoryMs);
  let lastExporter = '';
  let exporterHash = 0;

  function decide(flow: FlowDocument): void {
    const { protocol } = flow;
    if (flow.server !== undefined) flow.serverRule = 'record';
    else if (flow.biflowDirection === 1) set(flow, 'dst', 'biflow');
    else if (flow.biflowDirection === 2) set(flow, 'src', 'biflow');
    else if (protocol === undefined) return;
    if (protocol === undefined || !withPorts.has(protocol)) {
      if (flow.server === undefined && protocol !== undefined)
        set(flow, serverOfEcho(protocol, typeAndCode(flow)), 'echo');
      return;
    }
    decideByPorts(flow, protocol);
  }

  function decideByPorts(flow: FlowDocument, protocol: number): void {
    const { src, dst, header } = flow;
    const srcPort = flow.srcPort ?? 0;
    const dstPort = flow.dstPort ?? 0;
    if (protocol === protocolNumbers.tcp && flow.server === undefined) set(flow, serverByFlags(flow), 'flags');
    if (flow.server === undefined && dst !== undefined && isGroup(dst.text)) set(flow, 'dst', 'multicast');
    const hasEnds = src !== undefined && dst !== undefined && srcPort !== 0 && dstPort !== 0;
    const srcEnd = hasEnds ? mixHash(hashAddress(src), srcPort * 256 + protocol) : 0;
    const dstEnd = hasEnds ? mixHash(hashAddress(dst), dstPort * 256 + protocol) : 0;
    if (hasEnds && flow.server === undefined && isUnsampled(flow) && flow.startMs !== undefined) {
      if (header.exporter !== lastExporter) {
        lastExporter = header.exporter;
        exporterHash = hashText(lastExporter);
      }
      const first = conversations.note(srcEnd, dstEnd, exporterHash, flow.startMs, header.receivedAtMs);
      if (first !== undefined) set(flow, first === 'own' ? 'dst' : 'src', 'order');
    }
    if (flow.server !== undefined) {
      if (hasEnds && flow.serverRule !== 'multicast') learn(flow.server, srcEnd, dstEnd, header.receivedAtMs);
      return;
    }
    const srcRank = rankOf(services, protocol, srcPort);
    const dstRank = rankOf(services, protocol, dstPort);
    if (Math.max(srcRank, dstRank) >= userService && srcRank !== dstRank && isFar(srcRank, dstRank)) {
      set(flow, dstRank > srcRank ? 'dst' : 'src', 'service');
      return;
    }
    if (hasEnds) {
      const isSrcListener = listeners.knows(srcEnd, header.receivedAtMs);
      if (isSrcListener !== listeners.knows(dstEnd, header.receivedAtMs)) {
        set(flow, isSrcListener ? 'src' : 'dst', 'listener');
        return;
      }
    }
    const isSrcNamed = srcPort !== 0 && services.hasName(protocol, srcPort);
    const isDstNamed = dstPort !== 0 && services.hasName(protocol, dstPort);
    if (isSrcNamed !== isDstNamed) set(flow, isDstNamed ? 'dst' : 'src', 'registered');
    else if (srcPort !== 0 && dstPort !== 0) set(flow, dstPort <= srcPort ? 'dst' : 'src', 'port');
  }

  function learn(server: Side, srcEnd: number, dstEnd: number, nowMs: number): void {
    listeners.learn(server === 'src' ? srcEnd : dstEnd, nowMs);
    listeners.forget(server === 'src' ? dstEnd : srcEnd);
  }

  return decide;
}

function set(flow: FlowDocument, server: Side | undefined, rule: ServerRule): void {
  if (server === undefined) return;
  flow.server = server;
  flow.serverRule = rule;
}

/** Ranks of a port: nothing known or temporary, an ordinary one, one with a service, one with a well-known service. */
const temporary = 0;
const ordinary = 1;
const userService = 2;
const wellKnown = 3;

function rankOf(services: ServiceNames, protocol: number, port: number): number {
  if (port >= firstTemporaryPort || port === 0) return temporary;
  if (!services.hasName(protocol, port)) return ordinary;
  return port < firstUserPort ? wellKnown : userService;
}

/** A registered service above 1023 is sure only beside a temporary port: 5,000 of such numbers are used as temporary ports, too. */
function isFar(a: number, b: number): boolean {
  return Math.max(a, b) === wellKnown || Math.min(a, b) === temporary;
}

/** FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32. */
function opensConnection(flags: number | undefined): boolean {
  const withoutCongestion = (flags ?? 0) & 0x3f;
  return withoutCongestion === 0x02 || withoutCongestion === 0x06;
}

/** A flow gathers the flags of its packets: SYN and ACK are an answer only where they were in one packet. */
function serverByFlags({ tcpFlags, packets, samplingInterval }: FlowDocument): Side | undefined {
  if (opensConnection(tcpFlags)) return 'dst';
  const isOnePacket = packets === 1 || (packets !== undefined && packets === samplingInterval);
  return isOnePacket && ((tcpFlags ?? 0) & 0x3f) === 0x12 ? 'src' : undefined;
}

function isUnsampled({ samplingInterval }: FlowDocument): boolean {
  return samplingInterval === undefined || samplingInterval <= 1;
}

/** 224.0.0.0/4, 255.255.255.255, ff00::/8, in canonical text. */
function isGroup(address: string): boolean {
  return /^(?:2(?:2[4-9]|3\d)\.|ff[\da-f]{2}:|255\.255\.255\.255$)/.test(address);
}

/** By its elements, else as NetFlow puts it into the destination port. */
function typeAndCode({ icmpTypeCode, icmpType, icmpCode, dstPort }: FlowDocument): number | undefined {
  return icmpTypeCode ?? (icmpType === undefined ? dstPort : icmpType * 256 + (icmpCode ?? 0));
}

/** The port is type * 256 + code: echo request is type 8 of ICMP, echo request and reply 128 and 129 of ICMPv6. */
function serverOfEcho(protocol: number, port: number | undefined): Side | undefined {
  if (protocol === protocolNumbers.icmp) return port === 8 * 256 ? 'dst' : undefined;
  if (protocol !== protocolNumbers.icmpV6) return undefined;
  if (port === 128 * 256) return 'dst';
  return port === 129 * 256 ? 'src' : undefined;
}
