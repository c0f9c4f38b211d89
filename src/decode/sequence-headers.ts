// What the header of a datagram says to sequence accounting, per protocol. False: the datagram is too short for its header.

import type { Observation } from './sequence-measures.ts';
import { uint32At } from './wire-numbers.ts';

/** What decoding found in a datagram of v9 or IPFIX. One object serves all. */
export interface RecordCount {
  /** Data records, those of options templates included. */
  records: number;
  optionsRecords: number;
  /** False: a set could not be read, or had no template yet. */
  isWhole: boolean;
}

/** Cisco's header of 24 bytes: the sequence counts flows. */
export function observeNetflow5(now: Observation, payload: Buffer, receivedAtMs: number): boolean {
  if (payload.length < 24) return false;
  now.sequence = uint32At(payload, 16);
  now.own = payload[2]! * 256 + payload[3]!;
  now.second = -1;
  now.third = 1;
  now.clockMs = uint32At(payload, 8) * 1000;
  now.uptimeMs = uint32At(payload, 4);
  now.receivedAtMs = receivedAtMs;
  return true;
}

/** RFC 3954 §5.1: export packets. */
export function observeNetflow9(now: Observation, payload: Buffer, receivedAtMs: number, count: RecordCount): boolean {
  if (payload.length < 20) return false;
  now.sequence = uint32At(payload, 12);
  now.own = 1;
  now.second = count.isWhole ? count.records : -1;
  now.third = payload[2]! * 256 + payload[3]!;
  now.clockMs = uint32At(payload, 8) * 1000;
  now.uptimeMs = uint32At(payload, 4);
  now.receivedAtMs = receivedAtMs;
  return true;
}

/** RFC 7011 §3.1: data records. */
export function observeIpfix(now: Observation, payload: Buffer, receivedAtMs: number, count: RecordCount): boolean {
  const messageLength = payload.length < 16 ? 0 : payload[2]! * 256 + payload[3]!;
  if (messageLength < 16) return false;
  const isWhole = count.isWhole && messageLength <= payload.length;
  now.sequence = uint32At(payload, 8);
  now.own = isWhole ? count.records : -1;
  now.second = isWhole ? count.records - count.optionsRecords : -1;
  now.third = 1;
  now.clockMs = uint32At(payload, 4) * 1000;
  now.uptimeMs = -1;
  now.receivedAtMs = receivedAtMs;
  return true;
}

/** sFlow v5 §5.1: datagrams. */
export function observeSflow5(now: Observation, payload: Buffer, receivedAtMs: number): boolean {
  if (payload.length < 8 || uint32At(payload, 4) > 2) return false;
  const at = sflow5SubAgentAt(payload);
  if (payload.length < at + 16) return false;
  now.sequence = uint32At(payload, at + 4);
  now.own = 1;
  now.second = uint32At(payload, at + 12);
  now.third = -1;
  now.clockMs = uint32At(payload, at + 8);
  now.uptimeMs = now.clockMs;
  now.receivedAtMs = receivedAtMs;
  return true;
}

/** Behind the agent's address, which is none, IPv4 or IPv6. */
export function sflow5SubAgentAt(payload: Buffer): number {
  const agentType = uint32At(payload, 4);
  return 8 + (agentType === 0 ? 0 : agentType === 1 ? 4 : 16);
}

/** 32 bits of the agent's address above 20 of the sub-agent: agents number theirs from 0. */
export function toSflow5Key(payload: Buffer): number {
  const at = sflow5SubAgentAt(payload);
  const domain = uint32At(payload, at);
  let agent = 0;
  for (let i = 8; i < at; i += 4) agent = Math.imul(agent, 0x9e37_79b1) ^ uint32At(payload, i);
  return (agent >>> 0) * 0x10_0000 + ((domain ^ (domain >>> 20)) & 0xf_ffff);
}
