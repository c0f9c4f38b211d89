// Step `server`: which side of a flow is the server. ElastiFlow 3.5's rule with its mistakes corrected.

import { z } from 'zod';
import type { FlowDocument, Side } from '../flow-document.ts';
import { createServiceNames, type ServiceNames } from '../service-names.ts';
import type { StepDefinition } from '../step.ts';

const options = z.strictObject({});

export type ServerOptions = z.infer<typeof options>;

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
export const serverStep: StepDefinition<ServerOptions> = {
  name: 'server',
  summary: 'Decides which side is the server and which the client, by TCP flags, registered services and port numbers.',
  options,
  reads: ['flow.ip_protocol', 'flow.tcp_flags', 'flow.src_port', 'flow.dst_port'],
  writes: ['addr', 'hostname']
    .flatMap((field) => [`flow.server_${field}`, `flow.client_${field}`])
    .concat('flow.service_port', 'flow.service_name'),
  examples: [
    {
      title: 'a registered service serves',
      options: {},
      record: {
        sourceIPv4Address: '10.0.0.115',
        sourceTransportPort: 43_173,
        destinationIPv4Address: '216.58.0.131',
        destinationTransportPort: 443,
        protocolIdentifier: 6,
        tcpControlBits: 27,
      },
      expect: { 'flow.server_addr': '216.58.0.131', 'flow.client_addr': '10.0.0.115', 'flow.service_port': 443 },
    },
    {
      title: 'the answer of the same conversation has the same server',
      options: {},
      record: {
        sourceIPv4Address: '216.58.0.131',
        sourceTransportPort: 443,
        destinationIPv4Address: '10.0.0.115',
        destinationTransportPort: 43_173,
        protocolIdentifier: 6,
        tcpControlBits: 27,
      },
      expect: { 'flow.server_addr': '216.58.0.131', 'flow.client_addr': '10.0.0.115', 'flow.service_port': 443 },
    },
    {
      title: 'a SYN alone shows who opens the connection, whatever the ports',
      options: {},
      record: {
        sourceIPv4Address: '10.0.0.1',
        sourceTransportPort: 443,
        destinationIPv4Address: '10.0.0.2',
        destinationTransportPort: 50_000,
        protocolIdentifier: 6,
        tcpControlBits: 2,
      },
      expect: { 'flow.server_addr': '10.0.0.2', 'flow.client_addr': '10.0.0.1' },
    },
    {
      title: 'a protocol without ports has no server',
      options: {},
      record: { sourceIPv4Address: '10.0.0.1', destinationIPv4Address: '10.0.0.2', protocolIdentifier: 47 },
      expect: { 'flow.server_addr': null, 'flow.client_addr': null, 'flow.service_port': null },
    },
  ],
  create() {
    const services = createServiceNames();

    function apply(flow: FlowDocument): undefined {
      flow.server ??= serverOf(flow, services);
    }

    return { apply };
  },
};

function serverOf(flow: FlowDocument, services: ServiceNames): Side | undefined {
  const { protocol } = flow;
  if (protocol === undefined) return undefined;
  if (!withPorts.has(protocol)) return serverOfEcho(protocol, flow.dstPort);
  if (protocol === protocolNumbers.tcp && opensConnection(flow.tcpFlags)) return 'dst';
  const srcPort = flow.srcPort ?? 0;
  const dstPort = flow.dstPort ?? 0;
  const isSrcKnown = srcPort !== 0 && services.nameOf(protocol, srcPort) !== undefined;
  const isDstKnown = dstPort !== 0 && services.nameOf(protocol, dstPort) !== undefined;
  if (isSrcKnown !== isDstKnown) return isDstKnown ? 'dst' : 'src';
  if (srcPort === 0 || dstPort === 0) return undefined;
  return dstPort <= srcPort ? 'dst' : 'src';
}

/** FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32 (RFC 9293 §3.1). */
function opensConnection(flags: number | undefined): boolean {
  const withoutCongestion = (flags ?? 0) & 0x3f;
  return withoutCongestion === 0x02 || withoutCongestion === 0x06;
}

/** The port is type * 256 + code: echo request is type 8 of ICMP (RFC 792), echo request and reply 128 and 129 of ICMPv6 (RFC 4443 §4). */
function serverOfEcho(protocol: number, port: number | undefined): Side | undefined {
  if (protocol === protocolNumbers.icmp) return port === 8 * 256 ? 'dst' : undefined;
  if (protocol !== protocolNumbers.icmpV6) return undefined;
  if (port === 128 * 256) return 'dst';
  return port === 129 * 256 ? 'src' : undefined;
}
