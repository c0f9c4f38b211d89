import { beforeAll, describe, expect, it } from 'vitest';
import { FlowDocument } from '../../../src/enrich/flow-document.ts';
import type { Step } from '../../../src/enrich/step.ts';
import { serverStep } from '../../../src/enrich/steps/server.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

let step: Step;

beforeAll(async () => {
  step = await serverStep.create(serverStep.options.parse({ method: 'elastiflow' }), {
    folder: '.',
    logger: silentLogger,
  });
});

const syn = 0x02;
const synRst = 0x06;
const synAck = 0x12;
const ecnSyn = 0xc2;
const finSynPshAck = 0x1b;

// 43173 and 50000 have no registered service; https is 443, domain 53.
describe('the server of a TCP flow', () => {
  it.each([
    ['has the registered service', 43_173, 443, finSynPshAck, 'dst'],
    ['has the registered service, seen the other way', 443, 43_173, finSynPshAck, 'src'],
    ['has the lower port where both are registered', 443, 53, finSynPshAck, 'dst'],
    ['has the lower port where both are registered, seen the other way', 53, 443, finSynPshAck, 'src'],
    ['has the lower port where none is registered', 50_000, 43_173, finSynPshAck, 'dst'],
    ['has the lower port where none is registered, seen the other way', 43_173, 50_000, finSynPshAck, 'src'],
    ['is the destination where ports are equal', 443, 443, finSynPshAck, 'dst'],
    ['gets the SYN, whatever the ports', 443, 50_000, syn, 'dst'],
    ['gets the SYN that is then taken back', 443, 50_000, synRst, 'dst'],
    ['gets the SYN that asks for congestion notification', 443, 50_000, ecnSyn, 'dst'],
    ['is not told by an answer’s SYN', 443, 50_000, synAck, 'src'],
    ['gets the SYN even where ports are missing', undefined, undefined, syn, 'dst'],
    ['is unknown without ports', undefined, undefined, finSynPshAck, undefined],
    ['is unknown with one unregistered port', undefined, 43_173, finSynPshAck, undefined],
    ['has the registered port where the other is missing', undefined, 443, finSynPshAck, 'dst'],
    ['has the registered port where the other is 0', 443, 0, finSynPshAck, 'src'],
    ['is unknown where both ports are 0', 0, 0, finSynPshAck, undefined],
    ['needs no flags', 43_173, 443, undefined, 'dst'],
  ] as const)('%s', (_title, srcPort, dstPort, tcpFlags, expected) => {
    expect(serverOf({ protocol: 6, srcPort, dstPort, tcpFlags })).toBe(expected);
  });
});

describe('the server of other flows', () => {
  it.each([
    ['UDP: a SYN flag means nothing', { protocol: 17, srcPort: 53, dstPort: 50_000, tcpFlags: syn }, 'src'],
    ['UDP: a registered service of UDP, not of TCP', { protocol: 17, srcPort: 4739, dstPort: 43_173 }, 'src'],
    ['SCTP: a registered service', { protocol: 132, srcPort: 43_173, dstPort: 2905 }, 'dst'],
    ['UDP-Lite has no registry: the lower port', { protocol: 136, srcPort: 43_173, dstPort: 1000 }, 'dst'],
    ['ICMP: who is asked for an echo', { protocol: 1, srcPort: 0, dstPort: 2048 }, 'dst'],
    ['ICMP: echo reply and “not told” look the same', { protocol: 1, srcPort: 0, dstPort: 0 }, undefined],
    ['ICMP: port unreachable', { protocol: 1, srcPort: 0, dstPort: 3 * 256 + 3 }, undefined],
    ['ICMPv6: who is asked for an echo', { protocol: 58, srcPort: 0, dstPort: 128 * 256 }, 'dst'],
    ['ICMPv6: who answers', { protocol: 58, srcPort: 0, dstPort: 129 * 256 }, 'src'],
    ['ICMPv6: neighbour solicitation', { protocol: 58, srcPort: 0, dstPort: 135 * 256 }, undefined],
    ['GRE, with the zero ports of NetFlow v5', { protocol: 47, srcPort: 0, dstPort: 0 }, undefined],
    ['no protocol', { srcPort: 43_173, dstPort: 443 }, undefined],
  ] as const)('%s', (_title, fields, expected) => {
    expect(serverOf(fields)).toBe(expected);
  });

  it('stays what was decided before', () => {
    expect(serverOf({ protocol: 6, srcPort: 43_173, dstPort: 443, server: 'src' })).toBe('src');
  });
});

function serverOf(fields: Partial<FlowDocument>): string | undefined {
  const flow = Object.assign(new FlowDocument(), fields);
  expect(step.apply?.(flow)).not.toBe(false);
  return flow.server;
}
