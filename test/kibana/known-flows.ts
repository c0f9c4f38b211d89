// Flows of which everything is known: what exporters send, and what each document must hold. All of it follows from the number of the
// conversation by the arithmetic here, not from weir.

import { createDocumentLane, createPipeline, type NamedStep } from '../../src/enrich/pipeline.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';
import { type TestRecord, toTestBatch } from '../../src/enrich/test-record.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { writeDatabase } from '../enrich/city-database.ts';
import type { KnownDocument } from './known-document.ts';

export interface KnownFlow extends KnownDocument {
  readonly record: TestRecord;
  /** sFlow's notification of a packet that was thrown away. */
  readonly isNotification: boolean;
}

/** Of all known flows: an hour, of which they fill the greater part. */
export const rangeFromMs = Date.UTC(2026, 0, 1, 12);
export const rangeToMs = rangeFromMs + 3_600_000;

const conversations = 70;
const services = [
  { port: 443, protocol: 6, protocolName: 'TCP', name: 'https (TCP/443)' },
  { port: 53, protocol: 17, protocolName: 'UDP', name: 'domain (UDP/53)' },
  { port: 22, protocol: 6, protocolName: 'TCP', name: 'ssh (TCP/22)' },
  { port: 25, protocol: 6, protocolName: 'TCP', name: 'smtp (TCP/25)' },
  { port: 123, protocol: 17, protocolName: 'UDP', name: 'ntp (UDP/123)' },
] as const;
/** What should not be used inside, of two conversations there. */
const insideServices: Readonly<Record<number, Service>> = {
  8: { port: 445, protocol: 6, protocolName: 'TCP', name: 'microsoft-ds (TCP/445)' },
  9: { port: 23, protocol: 6, protocolName: 'TCP', name: 'telnet (TCP/23)' },
};
/** Voice, video, signalling, scavenger and critical (RFC 4594), and none of them. */
const tosValues = [0, 184, 136, 96, 32, 104] as const;

interface Service {
  readonly port: number;
  readonly protocol: number;
  readonly protocolName: string;
  readonly name: string;
}

/** Of interfaces, bits/s. */
const inputSpeed = 1_000_000;
const outputSpeed = 2_000_000;
/** Bits of the TCP header (RFC 9293 §3.1). */
const flagSets = [
  { bits: 0x02, names: ['SYN'] },
  { bits: 0x18, names: ['PSH', 'ACK'] },
  { bits: 0x11, names: ['FIN', 'ACK'] },
] as const;
const synAck = { bits: 0x12, names: ['SYN', 'ACK'] } as const;

/** One outer network for each conversation but the first ten, which stay inside. */
const networkOf = (n: number) => {
  const number = `${n}`.padStart(2, '0');
  return {
    prefix: `216.58.${n}.0/24`,
    address: `216.58.${n}.7`,
    as: `Network ${number} (${64_500 + n})`,
    asName: `Network ${number}`,
    asNumber: 64_500 + n,
    // Two networks in a country.
    country: `Country ${n >> 1}`,
    city: `City ${number}`,
    // Binary fractions, which the database keeps as they are; cells of the map lie 1.4 degrees apart.
    place: { lat: -60 + n * 1.75, lon: -175 + n * 5 },
    /** Every seventh has a bad name. */
    reputation: n % 7 === 0 ? (n % 2 === 0 ? ['bot', 'spam'] : ['scanner']) : [],
  };
};
const isInside = (n: number): boolean => n < 10;

/** The last of them came a day before, from the first networks outside. */
export const knownFlows: readonly KnownFlow[] = [
  ...Array.from({ length: conversations }, (_, n) => conversation(n)),
  ...[10, 11, 12, 13].map((n) => conversation(n, 86_400_000)),
].flat();

function conversation(n: number, earlierMs = 0): KnownFlow[] {
  const isIpv6 = n === 2 || n === 3;
  const inner = {
    address: isIpv6 ? `fd00::${n}` : `10.0.0.${n % 33}`,
    isPrivate: true as const,
    site: isIpv6 ? undefined : 'inner',
  };
  const outer = isInside(n)
    ? { address: isIpv6 ? `fd00:1::${n}` : `10.1.0.${n}`, isPrivate: true as const, site: isIpv6 ? undefined : 'lab' }
    : { ...networkOf(n), isPrivate: false as const };
  // Every fifth conversation begins outside.
  const [client, server] = n % 5 === 4 ? [outer, inner] : [inner, outer];
  const service = insideServices[n] ?? services[n % services.length]!;
  const port = 50_000 + n;
  const common = { n, service, client, server };
  return [
    // Sizes that no two sums share: a cubic and a constant, apart by direction.
    flow({
      ...common,
      src: client,
      dst: server,
      srcPort: port,
      dstPort: service.port,
      bytes: 1000 + n * n * n,
      packets: 3 + n,
      atMs: n * 41_000 - earlierMs,
    }),
    flow({
      ...common,
      src: server,
      dst: client,
      srcPort: service.port,
      dstPort: port,
      bytes: 70_001 + n * n * 97,
      packets: 101 + n * 3,
      atMs: n * 41_000 + 1500 - earlierMs,
    }),
  ];
}

type Host = { readonly address: string } & (
  | { readonly isPrivate: true; readonly site: string | undefined }
  | ({ readonly isPrivate: false } & Omit<ReturnType<typeof networkOf>, 'address'>)
);

interface FlowOptions {
  readonly n: number;
  readonly service: Service;
  readonly client: Host;
  readonly server: Host;
  readonly src: Host;
  readonly dst: Host;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly bytes: number;
  readonly packets: number;
  readonly atMs: number;
}

function flow(options: FlowOptions): KnownFlow {
  const { n, service, client, server, src, dst, srcPort, dstPort, bytes } = options;
  const atMs = rangeFromMs + 60_000 + options.atMs;
  const isSflow = n % 10 === 9;
  // Every third exporter looks at one packet in ten. A sample of sFlow is a packet.
  const sampled = n % 3 === 0 && !isSflow ? 10 : 1;
  const packets = isSflow ? 1 : options.packets;
  const isNotification = isSflow && n % 40 === 39;
  const isZflow = n % 4 === 1 && !isSflow;
  const protocol = isSflow ? 'sflow5' : isZflow || n % 2 === 0 ? 'ipfix' : 'netflow9';
  const isIpv6 = src.address.includes(':');
  const setId = 256 + (n % 5);
  const extras = toExtras(n, protocol);
  const exporter = `192.0.2.${1 + (n % 3)}`;
  const isTcp = service.protocol === 6;
  // What answers a SYN is a SYN with an ACK.
  const flags = n % flagSets.length === 0 && src === server ? synAck : flagSets[n % flagSets.length]!;
  const application = n % 6 === 5 ? undefined : `app-${n % 6}`;
  const tos = tosValues[n % tosValues.length]!;
  const vlan = n % 8 === 0 ? undefined : 100 + (n % 8);
  const portName = (number: number) => (number === service.port ? service.name : `${service.protocolName}/${number}`);
  const reputation = [client, server].flatMap((host) => (host.isPrivate ? [] : host.reputation));
  return {
    atMs,
    isNotification,
    record: {
      protocol,
      exporter,
      header: {
        exportedAtMs: atMs,
        receivedAtMs: isSflow ? atMs : atMs + 5,
        setId: isSflow ? null : setId,
        ...(isNotification && {
          sflow: {
            agent: exporter,
            sampleType: 'discarded_packet',
            sampleSequence: n,
            sourceIdType: 0,
            sourceIdIndex: 1,
          },
        }),
      },
      ...(sampled > 1 && { samplingInterval: sampled }),
      fields: {
        [isIpv6 ? 'sourceIPv6Address' : 'sourceIPv4Address']: src.address,
        [isIpv6 ? 'destinationIPv6Address' : 'destinationIPv4Address']: dst.address,
        sourceTransportPort: srcPort,
        destinationTransportPort: dstPort,
        protocolIdentifier: service.protocol,
        ipVersion: isIpv6 ? 6 : 4,
        ipClassOfService: tos,
        ...(isSflow ? { dataLinkFrameSize: bytes } : { octetDeltaCount: bytes, packetDeltaCount: packets }),
        'weir.ingressInterfaceName': `eth${n % 3}`,
        'weir.egressInterfaceName': `eth${(n + 1) % 4}`,
        ...(isTcp && { tcpControlBits: flags.bits }),
        ...(vlan !== undefined && { vlanId: vlan }),
        ...(application !== undefined && { applicationName: application }),
        ...(isZflow && {
          userName: `user-${n % 9}`,
          '44619/264': `platform-${n % 5}`,
          '44619/266': `guid-${n}`,
          '44619/267': `host-${n % 7}`,
        }),
        ...extras.fields,
      },
    },
    stored: {
      '@timestamp': new Date(atMs).toISOString(),
      'event.type': isSflow ? 'sflow' : protocol === 'ipfix' ? 'ipfix' : 'netflow',
      'node.hostname': exporter,
      // What was thrown away is no traffic.
      ...(!isNotification && { 'flow.bytes': bytes * sampled, 'flow.packets': packets * sampled }),
      'flow.service_name': service.name,
      'flow.ip_protocol': service.protocolName,
      'flow.ip_version': isIpv6 ? 'IPv6' : 'IPv4',
      'flow.src_port': srcPort,
      'flow.dst_port': dstPort,
      'flow.service_port': service.port,
      'node.ipaddr': exporter,
      ...(!isNotification && { 'flow.sampling_source': sampled > 1 ? 'options' : 'none' }),
      ...((sampled > 1 || isNotification) && { 'flow.sampling_interval': sampled }),
      ...(isSflow && { 'sflow.sflow_type': isNotification ? 'discarded_packet' : 'flow_sample' }),
      'flow.input_ifspeed': inputSpeed,
      'flow.output_ifspeed': outputSpeed,
      ...(!isSflow && { [`${protocol === 'ipfix' ? 'ipfix' : 'netflow'}.flowset_id`]: setId }),
      ...extras.stored,
      'flow.tos': tos,
      'flow.input_ifname': `eth${n % 3}`,
      'flow.output_ifname': `eth${(n + 1) % 4}`,
      'flow.src_port_name': portName(srcPort),
      'flow.dst_port_name': portName(dstPort),
      'flow.traffic_locality': client.isPrivate && server.isPrivate ? 'private' : 'public',
      ...(isTcp && { 'flow.tcp_flags': flags.names }),
      ...(vlan !== undefined && { 'flow.vlan': vlan }),
      ...(application !== undefined && { 'flow.application': application }),
      ...(isZflow && {
        'ipfix.userName': `user-${n % 9}`,
        'ipfix.ziften_platform': `platform-${n % 5}`,
        'ipfix.ziften_agent_guid': `guid-${n}`,
        'ipfix.ziften_hostname': `host-${n % 7}`,
      }),
      ...(reputation.length > 0 && { 'flow.rep_tags': reputation }),
      ...both('autonomous_system', src.isPrivate ? undefined : src.as, dst.isPrivate ? undefined : dst.as),
      ...both('country', src.isPrivate ? undefined : src.country, dst.isPrivate ? undefined : dst.country),
      ...both('city', src.isPrivate ? undefined : src.city, dst.isPrivate ? undefined : dst.city),
      ...side('src', src),
      ...side('dst', dst),
      ...side('client', client),
      ...side('server', server),
    },
  };
}

/** What firewalls, carriers, switches and probes send beside it. */
function toExtras(
  n: number,
  protocol: 'ipfix' | 'netflow9' | 'sflow5',
): Pick<KnownFlow['record'], 'fields'> & Pick<KnownFlow, 'stored'> {
  if (protocol === 'sflow5') {
    const isDiscarded = n % 20 === 19;
    const reason = 257 + (n % 3);
    return {
      fields: {
        egressInterface: 256 + (n % 3),
        // A notification has a reason only, a sample the form of the interface, too.
        ...(isDiscarded && { 'sflow.discardReason': reason }),
        ...(isDiscarded && n % 40 !== 39 && { 'sflow.outputFormat': 1 }),
      },
      stored: {
        'flow.output_snmp': `${256 + (n % 3)}`,
        ...(isDiscarded && { 'sflow.discard_reason': ['ttl_exceeded', 'acl', 'no_buffer_space'][n % 3]! }),
        ...(isDiscarded && n % 40 !== 39 && { 'sflow.output_interface_format': 1 }),
      },
    };
  }
  const isIpfix = protocol === 'ipfix';
  const object = isIpfix ? 'ipfix' : 'netflow';
  const event = n % 2 === 1 ? 3 : 1 + (n % 4);
  const natEvent = 1 + (n % 5);
  const status = n % 4 === 0 ? 64 : 128 + (n % 3);
  const hasEvent = n % 7 === 3;
  const hasNat = n % 7 === 5;
  const hasStatus = n % 9 === 2;
  const hasQuality = n % 11 === 1;
  const measured = { in: n, out: 2 * n, client: n + 3, server: n + 1, clientMs: 10 + n, serverMs: 20 + n };
  return {
    fields: {
      ...(hasEvent && { firewallEvent: event }),
      ...(hasNat && {
        natEvent,
        postNATSourceIPv4Address: `203.0.113.${n}`,
        postNATDestinationIPv4Address: `198.51.100.${n}`,
      }),
      ...(hasStatus && { forwardingStatus: status }),
      ...(hasQuality && {
        [isIpfix ? '35632/109' : 'v9:57581']: measured.in,
        [isIpfix ? '35632/110' : 'v9:57582']: measured.out,
        [isIpfix ? '9/9268' : 'v9:42036']: measured.client,
        [isIpfix ? '9/9270' : 'v9:42038']: measured.server,
        [isIpfix ? '35632/123' : 'v9:57595']: measured.clientMs,
        [isIpfix ? '35632/124' : 'v9:57596']: measured.serverMs,
      }),
    },
    stored: {
      ...(hasEvent && { [isIpfix ? 'ipfix.firewallEvent' : 'netflow.fw_event']: event }),
      ...(hasNat && {
        [`${object}.natEvent`]: natEvent,
        'flow.src_addr_trans': `203.0.113.${n}`,
        'flow.dst_addr_trans': `198.51.100.${n}`,
      }),
      ...(hasStatus &&
        (isIpfix ? { 'ipfix.forwardingStatus': status } : { 'netflow.forwarding_status.status': status >> 6 })),
      ...(hasQuality && {
        [`${object}.ntop_retrans_in_packets`]: measured.in,
        [`${object}.ntop_retrans_out_packets`]: measured.out,
        [`${object}.cisco_avc_client_retrans_packets`]: measured.client,
        [`${object}.cisco_avc_server_retrans_packets`]: measured.server,
        [`${object}.ntop_client_nw_latency_ms`]: measured.clientMs,
        [`${object}.ntop_server_nw_latency_ms`]: measured.serverMs,
      }),
    },
  };
}

function side(name: string, host: Host): KnownFlow['stored'] {
  return {
    [`flow.${name}_addr`]: host.address,
    [`flow.${name}_hostname`]: host.address,
    [`flow.${name}_autonomous_system`]: host.isPrivate ? 'private' : host.as,
    ...(host.isPrivate && host.site !== undefined && { [`flow.${name}_site`]: host.site }),
    ...(!host.isPrivate && {
      [`flow.${name}_asn`]: host.asNumber,
      [`flow.${name}_country`]: host.country,
      [`flow.${name}_city`]: host.city,
      [`flow.${name}_geo_location`]: host.place,
      ...(host.reputation.length > 0 && { [`flow.${name}_rep_tags`]: host.reputation }),
    }),
  };
}

/** What the sides have, each once. */
function both(name: string, src: string | undefined, dst: string | undefined): KnownFlow['stored'] {
  const values = [...new Set([src, dst].filter((value) => value !== undefined))];
  return values.length === 0 ? {} : { [`flow.${name}`]: values };
}

/** The documents that weir makes of the known flows, one JSON text each. */
export async function toKnownDocuments(folder: string): Promise<string[]> {
  const networks = Array.from({ length: conversations }, (_, n) => n)
    .filter((n) => !isInside(n))
    .map(networkOf);
  const city = await writeDatabase(
    `${folder}/city.mmdb`,
    'Known-City',
    networks.map(({ prefix, country, city: name, place }) => [
      prefix,
      {
        city: { names: { en: name } },
        country: { iso_code: 'XX', names: { en: country } },
        location: { latitude: place.lat, longitude: place.lon },
      },
    ]),
  );
  const asn = await writeDatabase(
    `${folder}/asn.mmdb`,
    'Known-ASN',
    networks.map(({ prefix, asName, asNumber }) => [
      prefix,
      { autonomous_system_number: asNumber, autonomous_system_organization: asName },
    ]),
  );
  const labels = Object.fromEntries(
    networks.filter(({ reputation }) => reputation.length > 0).map(({ prefix, reputation }) => [prefix, reputation]),
  );
  const chosen: readonly (readonly [string, object])[] = [
    ['sampling', {}],
    ['server', { method: 'elastiflow' }],
    ['services', {}],
    ['geoip', { database: city }],
    ['asn', { database: asn }],
    ['locality', { networks: { '10.0.0.0/24': { site: 'inner' }, '10.1.0.0/24': { site: 'lab' } } }],
    ['reputation', { labels }],
    ['fields', { set: { 'flow.input_ifspeed': inputSpeed, 'flow.output_ifspeed': outputSpeed } }],
  ];
  const steps: NamedStep[] = await Promise.all(
    chosen.map(async ([name, options]) => {
      const definition = stepCatalog.find((step) => step.name === name)!;
      return {
        name,
        step: await definition.create(definition.options.parse(options), { folder, logger: silentLogger }),
      };
    }),
  );
  const pipeline = createPipeline({ steps });
  const lane = createDocumentLane();
  return knownFlows.map(({ record, isNotification }) => {
    const batch = toTestBatch(record);
    const [layout] = batch.layouts;
    const layouts = [{ ...layout!, kind: isNotification ? ('discard' as const) : layout!.kind }];
    return pipeline
      .toDocuments({ ...batch, layouts }, lane)
      .bytes.toString()
      .trimEnd();
  });
}
