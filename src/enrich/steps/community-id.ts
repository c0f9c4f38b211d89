// Step `community-id`: the Community ID v1 of a flow, by which it is found again in Zeek, Suricata, Wireshark and others.

import { z } from 'zod';
import type { AddressFacts } from '../address-facts.ts';
import { readAddressWords } from '../address-words.ts';
import { communityId } from '../community-id.ts';
import type { FlowDocument } from '../flow-document.ts';
import { whole } from '../setting-types.ts';
import type { StepDefinition } from '../step.ts';

const options = z.strictObject({
  seed: whole(0, 65_535).default(0).describe('The seed that all tools of a site share.'),
});

export type CommunityIdOptions = z.infer<typeof options>;

const icmp = 1;
const icmp6 = 58;

export const communityIdStep: StepDefinition<CommunityIdOptions> = {
  name: 'community-id',
  summary: 'Gives each flow its Community ID (version 1): the same in both directions, and in all tools that know it.',
  options,
  reads: ['flow.src_addr', 'flow.dst_addr', 'flow.src_port', 'flow.dst_port', 'flow.ip_protocol'],
  writes: ['network.community_id'],
  cost: { microseconds: 1.5, remark: 'One SHA-1 for each flow.' },
  // The expected ones are those of the specification (baseline/baseline_deflt.json, and with seed 1).
  examples: [
    {
      title: 'a TCP connection',
      options: {},
      record: {
        sourceIPv4Address: '128.232.110.120',
        destinationIPv4Address: '66.35.250.204',
        sourceTransportPort: 34855,
        destinationTransportPort: 80,
        protocolIdentifier: 6,
      },
      expect: { 'network.community_id': '1:LQU9qZlK+B5F3KDmev6m5PMibrg=' },
    },
    {
      title: 'its other direction, with a seed',
      options: { seed: 1 },
      record: {
        sourceIPv4Address: '66.35.250.204',
        destinationIPv4Address: '128.232.110.120',
        sourceTransportPort: 80,
        destinationTransportPort: 34855,
        protocolIdentifier: 6,
      },
      expect: { 'network.community_id': '1:3V71V58M3Ksw/yuFALMcW0LAHvc=' },
    },
    {
      title: 'an answer to a ping',
      options: {},
      record: {
        sourceIPv4Address: '192.168.0.1',
        destinationIPv4Address: '192.168.0.89',
        protocolIdentifier: 1,
        icmpTypeCodeIPv4: 0,
      },
      expect: { 'network.community_id': '1:X0snYXpgwiv9TZtqg64sgzUn6Dk=' },
    },
    {
      title: 'no ports where the protocol has some: no ID',
      options: {},
      record: { sourceIPv4Address: '10.0.0.1', destinationIPv4Address: '10.0.0.2', protocolIdentifier: 6 },
      expect: { 'network.community_id': null },
    },
  ],
  create({ seed }) {
    const words = new Uint32Array(4);

    function describe(facts: AddressFacts): void {
      const count = readAddressWords(facts.text, words);
      facts.words = count === 0 ? undefined : Array.from(words.subarray(0, count), (word) => word | 0);
    }

    function apply(flow: FlowDocument): undefined {
      const { protocol } = flow;
      const src = flow.src?.words;
      const dst = flow.dst?.words;
      if (protocol === undefined || src === undefined || dst === undefined || src.length !== dst.length) return;
      flow.communityId =
        protocol === icmp || protocol === icmp6
          ? icmpId(flow, protocol, src, dst)
          : communityId(protocol, src, dst, flow.srcPort, flow.dstPort, seed);
    }

    /** NetFlow v5 and v9 have no element of their own for it, and put type × 256 + code where the destination port is. */
    function icmpId(flow: FlowDocument, protocol: number, src: readonly number[], dst: readonly number[]) {
      const { icmpTypeCode, srcPort, dstPort } = flow;
      const both = icmpTypeCode ?? ((srcPort ?? 0) === 0 ? dstPort : undefined);
      const type = flow.icmpType ?? (both === undefined ? undefined : both >>> 8);
      const code = flow.icmpCode ?? (both === undefined ? undefined : both & 255);
      return communityId(protocol, src, dst, type, code, seed);
    }

    return { describe, apply };
  },
};
