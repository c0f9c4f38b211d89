// Step `server`: which side of a flow is the server. The rules: server-rules.ts.

import { z } from 'zod';
import type { FlowDocument } from '../flow-document.ts';
import { createServerByEvidence, serverByElastiflow } from '../server-rules.ts';
import { createServiceNames } from '../service-names.ts';
import { duration } from '../setting-types.ts';
import type { StepDefinition } from '../step.ts';

const options = z.strictObject({
  method: z
    .enum(['evidence', 'elastiflow'])
    .prefault('evidence')
    .describe(
      'How to decide. `evidence`: what was seen goes before port numbers, and `flow.server_rule` says what decided; `elastiflow`: ElastiFlow’s rule (a SYN, registered services, the lower port), which looks at nothing but the flow itself.',
    ),
  window: duration(1000, 3_600_000)
    .prefault('1m')
    .describe('With `evidence`: both directions of a conversation are looked for within so much time.'),
  memory: duration(60_000, 7 * 86_400_000)
    .prefault('1h')
    .describe('With `evidence`: an address and port that served is remembered for so long after it was last seen to.'),
});

export type ServerOptions = z.infer<typeof options>;

/**
 * `evidence` learns: a batch that is tried again meets what it has taught itself, and a flow may then be decided by `order` or
 * `listener` that was decided by port numbers before. That doubles nothing: ids do not depend on it, and the document that is
 * already indexed stays as it is.
 */
export const serverStep: StepDefinition<ServerOptions> = {
  name: 'server',
  summary:
    'Decides which side is the server and which the client: by the record, TCP flags, who began, services, end points that served before, port numbers.',
  options,
  reads: [
    'flow.ip_protocol',
    'flow.tcp_flags',
    'flow.packets',
    'flow.src_port',
    'flow.dst_port',
    'flow.src_addr',
    'flow.dst_addr',
  ],
  writes: ['addr', 'hostname']
    .flatMap((field) => [`flow.server_${field}`, `flow.client_${field}`])
    .concat('flow.service_port', 'flow.service_name', 'flow.server_rule'),
  cost: { microseconds: 1.2, remark: 'And 3 MB of memory, however many flows there are.' },
  examples: [
    {
      title: 'a temporary port that has a name asks a server',
      options: {},
      record: {
        sourceIPv4Address: '10.0.0.115',
        sourceTransportPort: 5000,
        destinationIPv4Address: '216.58.0.131',
        destinationTransportPort: 443,
        protocolIdentifier: 17,
      },
      expect: { 'flow.server_addr': '216.58.0.131', 'flow.server_rule': 'service' },
    },
    {
      title: 'the exporter saw that the destination began',
      options: {},
      record: {
        sourceIPv4Address: '10.0.0.1',
        sourceTransportPort: 50_000,
        destinationIPv4Address: '10.0.0.2',
        destinationTransportPort: 443,
        protocolIdentifier: 6,
        biflowDirection: 2,
      },
      expect: { 'flow.server_addr': '10.0.0.1', 'flow.server_rule': 'biflow', 'ipfix.biflowDirection': 2 },
    },
    {
      title: 'ElastiFlow’s rule says nothing of itself',
      options: { method: 'elastiflow' },
      record: {
        sourceIPv4Address: '10.0.0.115',
        sourceTransportPort: 43_173,
        destinationIPv4Address: '216.58.0.131',
        destinationTransportPort: 443,
        protocolIdentifier: 6,
        tcpControlBits: 27,
      },
      expect: { 'flow.server_addr': '216.58.0.131', 'flow.service_port': 443, 'flow.server_rule': null },
    },
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
  create({ method, window, memory }) {
    const services = createServiceNames();
    if (method === 'evidence') {
      const decide = createServerByEvidence(services, { windowMs: window, memoryMs: memory });
      return {
        readsTimes: true,
        apply(flow: FlowDocument): undefined {
          decide(flow);
        },
      };
    }
    return {
      apply(flow: FlowDocument): undefined {
        flow.server ??= serverByElastiflow(flow, services);
      },
    };
  },
};
