// The conversations of one site, one after the other: who talks to whom about what, now and then a scan of ports and a big
// download. What an exporter sees of it: traffic.ts.

import { protocolNumbers, tcp } from './flow.ts';
import { createOuterHosts, type Host, toHost, toIpv4 } from './hosts.ts';
import {
  accessNetworks,
  accessNetworksIpv6,
  resolvers,
  serviceNetworks,
  serviceNetworksIpv6,
  timeServers,
} from './outer-networks.ts';
import { createChoice, type Random, zipfWeights } from './random.ts';
import { incomingServices, innerServices, outgoingServices, type Service, toWakefulness } from './services.ts';
import type { Site } from './sites.ts';

export interface Conversations {
  next(nowMs: number): Conversation;
}

/** What one side of a conversation sent. */
export interface Half {
  readonly packets: number;
  /** Of IP. */
  readonly bytes: number;
  readonly tcpFlags: number;
}

export interface Conversation {
  readonly client: Host;
  readonly server: Host;
  readonly clientPort: number;
  readonly serverPort: number;
  readonly protocol: number;
  readonly sent: Half;
  /** Zero packets: nobody answered. */
  readonly answered: Half;
  readonly durationMs: number;
}

/** No flow is longer: routers report a long one in parts (active timeout of a minute). */
const maxDurationMs = 55_000;
const maxPayload = 1_440;
const scanChance = 0.2;
const downloadChance = 0.15;
const ipv6Chance = 0.5;
const silence: Half = { packets: 0, bytes: 0, tcpFlags: 0 };

export function createConversations(site: Site, random: Random): Conversations {
  const { uplink } = site;
  const websites = createOuterHosts(serviceNetworks, 24, 0.9, uplink, random);
  const websitesIpv6 = createOuterHosts(serviceNetworksIpv6, 12, 0.9, uplink, random);
  const visitors = createOuterHosts(accessNetworks, 40, 0.5, uplink, random);
  const visitorsIpv6 = createOuterHosts(accessNetworksIpv6, 20, 0.5, uplink, random);
  const publicResolvers = resolvers.map((address) => toHost(toIpv4(address), 24, uplink));
  const publicClocks = timeServers.map((address) => toHost(toIpv4(address), 24, uplink));

  const choosePerson = createChoice(zipfWeights(site.people.length, 0.6));
  const chooseMachine = createChoice(zipfWeights(site.machines.length, 0.4));
  const chooseServer = createChoice(zipfWeights(site.servers.length, 0.8));
  let wakefulness = 0;
  let rhythmUntilMs = Number.NEGATIVE_INFINITY;
  let chooseOutgoing = choiceOf(outgoingServices);
  let chooseIncoming = choiceOf(incomingServices);
  let chooseInner = choiceOf(innerServices);

  let nextScanMs: number | undefined;
  let scan: { readonly attacker: Host; readonly target: Host; port: number; left: number } | undefined;
  let nextDownloadMs: number | undefined;
  let download:
    | { readonly client: Host; readonly server: Host; readonly port: number; partMs: number; left: number }
    | undefined;

  function choiceOf(services: readonly Service[]): (random: Random) => number {
    return createChoice(services.map(({ day, night }) => night + (day - night) * wakefulness));
  }

  function followTheClock(nowMs: number): void {
    if (nowMs < rhythmUntilMs && nowMs > rhythmUntilMs - 120_000) return;
    rhythmUntilMs = nowMs + 60_000;
    wakefulness = toWakefulness(nowMs);
    chooseOutgoing = choiceOf(outgoingServices);
    chooseIncoming = choiceOf(incomingServices);
    chooseInner = choiceOf(innerServices);
  }

  function next(nowMs: number): Conversation {
    followTheClock(nowMs);
    return scanPort(nowMs) ?? downloadPart(nowMs) ?? talk();
  }

  function talk(): Conversation {
    const where = random.next();
    if (where < site.incomingShare) {
      const service = incomingServices[chooseIncoming(random)] as Service;
      const server = site.servers[chooseServer(random)] as Host;
      if (server.ipv6 !== undefined && random.chance(ipv6Chance))
        return serve(visitorsIpv6.pick(random), server.ipv6, service);
      return serve(visitors.pick(random), server, service);
    }
    const client = chooseClient();
    if (where < site.incomingShare + site.innerShare) {
      const service = innerServices[chooseInner(random)] as Service;
      const server = site.servers[chooseServer(random)] as Host;
      if (client.ipv6 !== undefined && server.ipv6 !== undefined && random.chance(ipv6Chance))
        return serve(client.ipv6, server.ipv6, service);
      return serve(client, server, service);
    }
    const service = outgoingServices[chooseOutgoing(random)] as Service;
    if (service.port === 53) return serve(client, random.pick(publicResolvers), service);
    if (service.port === 123) return serve(client, random.pick(publicClocks), service);
    if (client.ipv6 !== undefined && random.chance(ipv6Chance))
      return serve(client.ipv6, websitesIpv6.pick(random), service);
    return serve(client, websites.pick(random), service);
  }

  function chooseClient(): Host {
    // People sleep, machines do not: at noon four of five conversations are people's, at night one of five.
    return random.chance(0.2 + 0.6 * wakefulness)
      ? (site.people[choosePerson(random)] as Host)
      : (site.machines[chooseMachine(random)] as Host);
  }

  function serve(client: Host, server: Host, service: Service): Conversation {
    const isIpv4 = typeof server.address === 'number';
    const protocol = service.protocol === protocolNumbers.icmp && !isIpv4 ? protocolNumbers.icmpIpv6 : service.protocol;
    const header = headerBytes(protocol) + (isIpv4 ? 0 : 20);
    const ports = { clientPort: random.between(32_768, 60_999), serverPort: service.port };
    const isTcp = protocol === protocolNumbers.tcp;
    // One of thirty attempts finds nobody.
    if (isTcp && random.chance(0.03)) {
      const attempts = random.between(1, 3);
      const sent = { packets: attempts, bytes: attempts * header, tcpFlags: tcp.syn };
      return { client, server, ...ports, protocol, sent, answered: silence, durationMs: (attempts - 1) * 1_000 };
    }
    // An echo and the time of day always have the same size.
    const isFixed = service.clientBytes === service.serverBytes;
    const clientBytes = isFixed ? service.clientBytes : random.around(service.clientBytes, 0.8);
    const serverBytes = isFixed ? service.serverBytes : random.around(service.serverBytes, 1.2);
    const clientPackets = Math.ceil(clientBytes / maxPayload);
    const serverPackets = Math.ceil(serverBytes / maxPayload);
    // A long conversation is reported before its end.
    const flags = tcp.ack | tcp.psh | (service.durationMs > 15_000 ? 0 : tcp.syn | tcp.fin);
    // TCP: the handshake, and an acknowledgement for every second packet.
    const sentPackets = isTcp ? clientPackets + Math.ceil(serverPackets / 2) + 2 : clientPackets;
    const answeredPackets = isTcp ? serverPackets + Math.ceil(clientPackets / 2) + 1 : serverPackets;
    return {
      client,
      server,
      ...ports,
      protocol,
      sent: toHalf(sentPackets, clientBytes, header, isTcp ? flags : 0),
      answered: serverBytes === 0 ? silence : toHalf(answeredPackets, serverBytes, header, isTcp ? flags : 0),
      durationMs: Math.min(maxDurationMs, random.around(service.durationMs, 0.7)),
    };
  }

  /** The next probe of a running scan; starts one every few minutes. */
  function scanPort(nowMs: number): Conversation | undefined {
    nextScanMs ??= nowMs + random.between(8_000, 40_000);
    if (scan === undefined && nowMs >= nextScanMs) {
      const outer = visitors.pick(random);
      const inner = site.hasInfectedHost ? random.pick(site.people) : random.pick(site.servers);
      const [attacker, target] = site.hasInfectedHost ? [inner, outer] : [outer, inner];
      scan = { attacker, target, port: 1, left: random.between(200, 1_000) };
      nextScanMs = nowMs + random.between(150_000, 420_000);
    }
    if (scan === undefined || !random.chance(scanChance)) return undefined;
    const { attacker, target, port } = scan;
    scan.port += random.between(1, 3);
    scan.left -= 1;
    if (scan.left === 0) scan = undefined;
    const isFiltered = random.chance(0.3);
    return {
      client: attacker,
      server: target,
      clientPort: random.between(40_000, 60_000),
      serverPort: port,
      protocol: protocolNumbers.tcp,
      sent: { packets: 1, bytes: 44, tcpFlags: tcp.syn },
      answered: isFiltered ? silence : { packets: 1, bytes: 40, tcpFlags: tcp.rst | tcp.ack },
      durationMs: isFiltered ? 0 : 1,
    };
  }

  /** The next part of a running download; starts one every few minutes. */
  function downloadPart(nowMs: number): Conversation | undefined {
    nextDownloadMs ??= nowMs + random.between(5_000, 25_000);
    if (download === undefined && nowMs >= nextDownloadMs) {
      const client = chooseClient();
      download = {
        client,
        server: websites.pick(random),
        port: random.between(32_768, 60_999),
        partMs: nowMs,
        left: random.between(4, 12),
      };
      nextDownloadMs = nowMs + random.between(120_000, 360_000);
    }
    if (download === undefined) return undefined;
    const isPart = nowMs >= download.partMs;
    // Sampled packets belong to it all the time, flows report it every ten seconds.
    if (!isPart && !(site.samplingInterval > 100 && random.chance(downloadChance))) return undefined;
    const { client, server, port } = download;
    if (isPart) {
      download.partMs = nowMs + 10_000;
      download.left -= 1;
      if (download.left === 0) download = undefined;
    }
    const packets = random.between(20_000, 90_000);
    return {
      client,
      server,
      clientPort: port,
      serverPort: 443,
      protocol: protocolNumbers.tcp,
      sent: { packets: packets >> 1, bytes: (packets >> 1) * 52, tcpFlags: tcp.ack },
      answered: { packets, bytes: packets * 1_480, tcpFlags: tcp.ack | tcp.psh },
      durationMs: 10_000,
    };
  }

  return { next };
}

function toHalf(packets: number, payload: number, header: number, tcpFlags: number): Half {
  return { packets, bytes: Math.ceil(payload) + packets * header, tcpFlags };
}

/** IPv4 and transport headers without options. */
export function headerBytes(protocol: number): number {
  return protocol === protocolNumbers.tcp ? 40 : 28;
}
