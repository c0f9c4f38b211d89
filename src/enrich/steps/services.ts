// Step `services`: the names of ports.

import { z } from 'zod';
import type { AddressFacts } from '../address-facts.ts';
import type { FlowDocument } from '../flow-document.ts';
import { createPrefixTable } from '../prefix-table.ts';
import { createRecentMap } from '../recent-map.ts';
import { createServiceNames, readPortKey } from '../service-names.ts';
import { noTwins, subnetMap } from '../setting-types.ts';
import type { StepDefinition } from '../step.ts';

const portKey = z
  .string()
  .refine((key) => readPortKey(key) !== undefined, {
    error: 'expected a protocol (tcp, udp, sctp, dccp) and a port, such as "tcp/8443"',
  })
  .meta({ pattern: '^(tcp|udp|sctp|dccp)/\\d{1,5}$' });

const serviceName = z
  .string({ error: 'expected the name of a service' })
  .regex(/^[^\p{Cc}]{1,64}$/u, { error: 'expected the name of a service: 1 to 64 characters on one line' });

function portOfKey(key: string): string | undefined {
  const read = readPortKey(key);
  return read && `${read.protocol} ${read.port}`;
}

const names = z
  .record(portKey, serviceName, {
    error: 'expected a mapping from protocol and port to name, such as "tcp/8443: my-admin"',
  })
  .superRefine(noTwins(portOfKey, 'port'));

const options = z.strictObject({
  names: names
    .optional()
    .describe(
      'Names of your own services, before those of IANA’s registry: `tcp/8443: my-admin`. The step `server` goes by IANA’s alone.',
    ),
  addresses: subnetMap(names, 'expected a mapping from address or subnet to names of ports')
    .optional()
    .describe(
      'The same for ports of an address or a subnet, before `names`: `192.0.2.10: { tcp/8443: wiki }`. The longest prefix that contains the address counts.',
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
  reads: ['flow.ip_protocol', 'flow.src_addr', 'flow.dst_addr', 'flow.src_port', 'flow.dst_port'],
  writes: ['flow.src_port_name', 'flow.dst_port_name', 'flow.service_name'],
  cost: { microseconds: 1.2, remark: 'For two ports, the writing of the names included.' },
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
      title: 'a port that means something else at one address',
      options: { names: { 'tcp/8443': 'my-admin' }, addresses: { '192.0.2.10': { 'tcp/8443': 'wiki' } } },
      record: {
        sourceIPv4Address: '192.0.2.9',
        destinationIPv4Address: '192.0.2.10',
        protocolIdentifier: 6,
        sourceTransportPort: 8443,
        destinationTransportPort: 8443,
      },
      expect: { 'flow.src_port_name': 'my-admin (TCP/8443)', 'flow.dst_port_name': 'wiki (TCP/8443)' },
    },
    {
      title: 'a protocol without ports',
      options: {},
      record: { protocolIdentifier: 47 },
      expect: { 'flow.src_port_name': 'GRE/0', 'flow.dst_port_name': 'GRE/0' },
    },
  ],
  create({ names, addresses }) {
    const services = createServiceNames(names);
    const ofAddress = createAddressNames(addresses ?? {});

    function apply(flow: FlowDocument): undefined {
      const { protocol, src, dst, srcPort, dstPort } = flow;
      if (protocol === undefined) return;
      const hasPorts = protocolsWithRegistry.has(protocol);
      if (srcPort !== undefined || !hasPorts) {
        flow.srcPortName = ofAddress(src, protocol, srcPort) ?? services.textOf(protocol, srcPort ?? 0);
      }
      if (dstPort !== undefined || !hasPorts) {
        flow.dstPortName = ofAddress(dst, protocol, dstPort) ?? services.textOf(protocol, dstPort ?? 0);
      }
    }

    return { apply };
  },
};

/** Addresses whose names are remembered; asking the table costs 2 µs. */
const maxRemembered = 65_536;

type AddressNames = (facts: AddressFacts | undefined, protocol: number, port: number | undefined) => string | undefined;

function createAddressNames(addresses: NonNullable<ServicesOptions['addresses']>): AddressNames {
  const table = createPrefixTable(
    Object.entries(addresses).map(([prefix, names]): [string, ReadonlyMap<number, string>] => [
      prefix,
      new Map(
        Object.entries(names).flatMap(([key, name]) => {
          const place = readPortKey(key);
          return place === undefined
            ? []
            : [[portId(place.protocol, place.port), `${name} (${key.toUpperCase()})`] as const];
        }),
      ),
    ]),
  );
  if (table.size === 0) return () => undefined;
  const nothing: ReadonlyMap<number, string> = new Map();
  const remembered = createRecentMap<string, ReadonlyMap<number, string>>(maxRemembered);
  return (facts, protocol, port) => {
    if (facts === undefined || port === undefined) return undefined;
    const names = remembered.get(facts.text) ?? remembered.add(facts.text, table.lookup(facts.text) ?? nothing);
    return names.get(portId(protocol, port));
  };
}

/** A field may be wider than a port. */
function portId(protocol: number, port: number): number {
  return protocol * 2 ** 32 + port;
}
