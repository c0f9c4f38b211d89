// Step `direction`: inbound, outbound, internal or transit, as seen from the user's networks, or from the roles of an
// exporter's interfaces. (ElastiFlow declared `flow.traffic_direction` and never wrote it.)

import { z } from 'zod';
import type { AddressFacts } from '../address-facts.ts';
import { createExporterSetting } from '../exporter-setting.ts';
import type { FlowDocument } from '../flow-document.ts';
import { createPrefixTable } from '../prefix-table.ts';
import { subnetMap, subnets } from '../setting-types.ts';
import type { StepDefinition } from '../step.ts';

/** ifIndex is 32 bits wide (RFC 2863). */
const interfaceNumber = z
  .int({ error: 'expected an interface number' })
  .min(0, { error: 'expected an interface number' })
  .max(2 ** 32 - 1, { error: 'expected an interface number' });

const roles = z.strictObject(
  {
    external: z
      .array(interfaceNumber, { error: 'expected a list of interface numbers' })
      .describe('Numbers of the interfaces that lead out of your network.'),
  },
  { error: 'expected a mapping such as "{ external: [1, 2] }"' },
);

const options = z.strictObject({
  networks: subnets()
    .optional()
    .describe('Your networks. Default: private addresses, and the networks that `locality` names.'),
  interfaces: subnetMap(roles, 'expected a mapping from exporter, or subnet of exporters, to interfaces')
    .optional()
    .describe(
      'For an exporter, or a subnet of exporters, the interfaces that lead out of your network; all its others lead into it. There they decide, and addresses do not.',
    ),
});

export type DirectionOptions = z.infer<typeof options>;

export const directionStep: StepDefinition<DirectionOptions> = {
  name: 'direction',
  summary: 'Says whether traffic comes into your network, leaves it, stays in it, or passes through.',
  options,
  reads: ['node.ipaddr', 'flow.src_addr', 'flow.dst_addr', 'flow.input_snmp', 'flow.output_snmp'],
  writes: ['flow.traffic_direction'],
  cost: { microseconds: 0.2, remark: 'An address is looked up once, and then known.' },
  examples: [
    {
      title: 'from a private address to a public one',
      options: {},
      record: { sourceIPv4Address: '10.0.0.115', destinationIPv4Address: '8.8.8.8' },
      expect: { 'flow.traffic_direction': 'outbound' },
    },
    {
      title: 'networks of your own',
      options: { networks: ['198.51.100.0/24'] },
      record: { sourceIPv4Address: '203.0.113.9', destinationIPv4Address: '198.51.100.7' },
      expect: { 'flow.traffic_direction': 'inbound' },
    },
    {
      title: 'both sides are of others',
      options: { networks: ['198.51.100.0/24'] },
      record: { sourceIPv4Address: '203.0.113.9', destinationIPv4Address: '10.0.0.1' },
      expect: { 'flow.traffic_direction': 'transit' },
    },
    {
      title: 'the exporter’s interfaces decide',
      options: { interfaces: { '192.0.2.1': { external: [1] } } },
      record: {
        sourceIPv4Address: '10.0.0.1',
        destinationIPv4Address: '10.0.0.2',
        ingressInterface: 1,
        egressInterface: 7,
      },
      expect: { 'flow.traffic_direction': 'inbound' },
    },
  ],
  create({ networks, interfaces }) {
    const own = networks === undefined ? undefined : createPrefixTable(networks.map((text) => [text, true]));
    const externalOf = createExporterSetting<ReadonlySet<number> | 'unlisted'>(
      Object.entries(interfaces ?? {}).map(([text, { external }]) => [text, new Set(external)]),
      'unlisted',
    );

    function describe(facts: AddressFacts): void {
      facts.isInternal =
        own === undefined ? facts.isPrivate || facts.network !== undefined : own.lookup(facts.text) === true;
    }

    function apply(flow: FlowDocument): undefined {
      const { exporter, src, dst, inputSnmp, outputSnmp } = flow;
      if (inputSnmp !== undefined && outputSnmp !== undefined) {
        const external = externalOf(exporter);
        if (external !== 'unlisted') {
          flow.trafficDirection = toDirection(!external.has(inputSnmp), !external.has(outputSnmp));
          return;
        }
      }
      if (src === undefined || dst === undefined) return;
      flow.trafficDirection = toDirection(src.isInternal === true, dst.isInternal === true);
    }

    return { describe, apply };
  },
};

function toDirection(isFromInside: boolean, isToInside: boolean): 'inbound' | 'outbound' | 'internal' | 'transit' {
  if (isFromInside) return isToInside ? 'internal' : 'outbound';
  return isToInside ? 'inbound' : 'transit';
}
