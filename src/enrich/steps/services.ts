// Step `services`: the names of ports.

import { z } from 'zod';
import type { FlowDocument } from '../flow-document.ts';
import { createServiceNames, readPortKey } from '../service-names.ts';
import type { StepDefinition } from '../step.ts';

const portKey = z.string().refine((key) => readPortKey(key) !== undefined, {
  error: 'expected a protocol (tcp, udp, sctp, dccp) and a port, such as "tcp/8443"',
});

const serviceName = z
  .string({ error: 'expected the name of a service' })
  .regex(/^[^\p{Cc}]{1,64}$/u, { error: 'expected the name of a service: 1 to 64 characters on one line' });

const options = z.strictObject({
  names: z
    .record(portKey, serviceName)
    .optional()
    .describe(
      'Names of your own services, before those of IANA’s registry: `tcp/8443: my-admin`. The step `server` goes by IANA’s alone.',
    ),
});

export type ServicesOptions = z.infer<typeof options>;

const protocolsWithRegistry: ReadonlySet<number> = new Set([6, 17, 33, 132]);

/** Without a protocol there are no names; without a port, only a protocol that has none gets one (`GRE/0`). */
export const servicesStep: StepDefinition<ServicesOptions> = {
  name: 'services',
  summary:
    'Names source and destination port: `https (TCP/443)` where IANA or you have a name for it, else `TCP/43173`.',
  options,
  reads: ['flow.ip_protocol', 'flow.src_port', 'flow.dst_port'],
  writes: ['flow.src_port_name', 'flow.dst_port_name', 'flow.service_name'],
  examples: [
    {
      title: 'a port with and one without a name',
      options: {},
      record: { protocolIdentifier: 6, sourceTransportPort: 43_173, destinationTransportPort: 443 },
      expect: { 'flow.src_port_name': 'TCP/43173', 'flow.dst_port_name': 'https (TCP/443)' },
    },
    {
      title: 'a name of your own',
      options: { names: { 'tcp/8443': 'my-admin' } },
      record: { protocolIdentifier: 6, sourceTransportPort: 43_173, destinationTransportPort: 8443 },
      expect: { 'flow.src_port_name': 'TCP/43173', 'flow.dst_port_name': 'my-admin (TCP/8443)' },
    },
    {
      title: 'a protocol without ports',
      options: {},
      record: { protocolIdentifier: 47 },
      expect: { 'flow.src_port_name': 'GRE/0', 'flow.dst_port_name': 'GRE/0' },
    },
  ],
  create({ names }) {
    const services = createServiceNames(names);

    function apply(flow: FlowDocument): undefined {
      const { protocol, srcPort, dstPort } = flow;
      if (protocol === undefined) return;
      const hasPorts = protocolsWithRegistry.has(protocol);
      if (srcPort !== undefined || !hasPorts) flow.srcPortName = services.textOf(protocol, srcPort ?? 0);
      if (dstPort !== undefined || !hasPorts) flow.dstPortName = services.textOf(protocol, dstPort ?? 0);
    }

    return { apply };
  },
};
