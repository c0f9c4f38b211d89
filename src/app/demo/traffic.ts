// The traffic of one site as its exporter tells it: conversations as flows in both directions, or as single sampled packets.

import { type Conversation, createConversations, type Half, headerBytes } from './conversations.ts';
import { type Address, type Flow, type Packet, protocolNumbers, tcp } from './flow.ts';
import type { Random } from './random.ts';
import type { Site } from './sites.ts';

export interface Traffic {
  /** One more flow, seen at this time. Both directions of a conversation come one after the other. */
  flow(nowMs: number): Flow;
  /** One more sampled packet. */
  packet(nowMs: number): Packet;
}

export function createTraffic(site: Site, random: Random): Traffic {
  const conversations = createConversations(site, random);
  /** The way back of the conversation whose way there was the last flow. */
  let answer: Flow | undefined;

  function flow(nowMs: number): Flow {
    if (answer !== undefined) {
      const back = answer;
      answer = undefined;
      return back;
    }
    const conversation = conversations.next(nowMs);
    const endMs = Math.floor(nowMs - random.next() * 2_000);
    const startMs = endMs - Math.floor(conversation.durationMs);
    const { answered } = conversation;
    if (answered.packets > 0) answer = toFlow(conversation, true, sample(answered), startMs, endMs);
    return toFlow(conversation, false, sample(conversation.sent), startMs, endMs);
  }

  function toFlow(conversation: Conversation, isAnswer: boolean, half: Half, startMs: number, endMs: number): Flow {
    const { client, server, clientPort, serverPort, protocol } = conversation;
    const from = isAnswer ? server : client;
    const to = isAnswer ? client : server;
    const isIcmp = protocol === protocolNumbers.icmp || protocol === protocolNumbers.icmpIpv6;
    return {
      source: from.address,
      destination: to.address,
      nextHop: typeof to.address === 'number' ? (to.isInside ? 0 : site.gateway) : noAddress,
      sourcePort: isIcmp ? 0 : isAnswer ? serverPort : clientPort,
      destinationPort: isIcmp ? toEcho(protocol, isAnswer) : isAnswer ? clientPort : serverPort,
      protocol,
      tcpFlags: half.tcpFlags,
      typeOfService: toTypeOfService(serverPort),
      packets: half.packets,
      bytes: half.bytes,
      startMs,
      endMs,
      inputInterface: from.interface,
      outputInterface: to.interface,
      sourcePrefixLength: from.prefixLength,
      destinationPrefixLength: to.prefixLength,
    };
  }

  /** A router that samples counts the packets it looked at. */
  function sample(half: Half): Half {
    if (site.samplingInterval === 1) return half;
    const packets = Math.max(1, Math.round((half.packets / site.samplingInterval) * (0.5 + random.next())));
    return {
      packets,
      bytes: Math.max(minBytes, Math.round((half.bytes * packets) / half.packets)),
      tcpFlags: packets === 1 && half.packets > 1 ? half.tcpFlags & tcp.ack : half.tcpFlags,
    };
  }

  function packet(nowMs: number): Packet {
    const { client, server, clientPort, serverPort, protocol, sent, answered } = conversations.next(nowMs);
    const isAnswer = random.next() * (sent.packets + answered.packets) < answered.packets;
    const half = isAnswer ? answered : sent;
    const from = isAnswer ? server : client;
    const to = isAnswer ? client : server;
    const isIcmp = protocol === protocolNumbers.icmp || protocol === protocolNumbers.icmpIpv6;
    const ipv6Bytes = typeof from.address === 'number' ? 0 : 20;
    const mean = Math.round(half.bytes / half.packets);
    return {
      source: from.address,
      destination: to.address,
      sourceMac: from.mac,
      destinationMac: to.mac,
      vlan: from.vlan,
      sourcePort: isIcmp ? 0 : isAnswer ? serverPort : clientPort,
      destinationPort: isIcmp ? toEcho(protocol, isAnswer) : isAnswer ? clientPort : serverPort,
      protocol,
      tcpFlags: protocol === protocolNumbers.tcp ? (half.packets > 1 ? tcp.ack : half.tcpFlags) : 0,
      typeOfService: toTypeOfService(serverPort),
      timeToLive: from.isInside ? 63 : random.between(44, 60),
      length: Math.min(1_500, Math.max(mean, headerBytes(protocol) + ipv6Bytes)),
      inputInterface: from.interface,
      outputInterface: to.interface,
    };
  }

  return { flow, packet };
}

const noAddress: Address = new Uint8Array(16);
/** The smallest IP packet with a header of a transport protocol. */
const minBytes = 28;

/** Echo request and reply, type * 256 + code (RFC 792, RFC 4443 §4). */
function toEcho(protocol: number, isReply: boolean): number {
  if (protocol === protocolNumbers.icmp) return (isReply ? 0 : 8) * 256;
  return (isReply ? 129 : 128) * 256;
}

/** Calls are marked as expedited (RFC 3246). */
function toTypeOfService(serverPort: number): number {
  return serverPort === 3478 ? 0xb8 : 0;
}
