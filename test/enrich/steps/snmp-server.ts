// SNMP agents for tests: snmpd, and one that says whatever the test wants (v2c; BER by hand, RFC 3416 §3).

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** RFC 2578 §7, RFC 3416 §3. */
export const tags = { integer: 0x02, octets: 0x04, oid: 0x06, gauge: 0x42, endOfView: 0x82 } as const;

export interface Row {
  readonly oid: string;
  readonly tag: number;
  readonly value: Buffer;
}

export const text = (oid: string, value: string | Buffer): Row => ({
  oid,
  tag: tags.octets,
  value: Buffer.from(value),
});
export const gauge = (oid: string, value: number): Row => ({ oid, tag: tags.gauge, value: unsigned(value) });

function unsigned(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  const first = bytes.findIndex((byte) => byte !== 0);
  const short = first < 0 ? Buffer.alloc(1) : bytes.subarray(first);
  return (short[0] ?? 0) > 127 ? Buffer.concat([Buffer.alloc(1), short]) : short;
}

function tlv(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  const length =
    value.length < 128 ? Buffer.from([value.length]) : Buffer.from([0x82, value.length >> 8, value.length & 255]);
  return Buffer.concat([Buffer.from([tag]), length, value]);
}

function oidBytes(oid: string): Buffer {
  const [first = 1, second = 3, ...rest] = oid.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 127];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) groups.unshift((left & 127) | 128);
    bytes.push(...groups);
  }
  return Buffer.from(bytes);
}

interface Element {
  readonly tag: number;
  readonly value: Buffer;
}

function elementsOf(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? 0;
    at += 2;
    if (length > 127) {
      const size = length & 127;
      length = bytes.readUIntBE(at, size);
      at += size;
    }
    found.push({ tag, value: bytes.subarray(at, at + length) });
    at += length;
  }
  return found;
}

function oidText(bytes: Buffer): string {
  const parts = [Math.floor((bytes[0] ?? 0) / 40), (bytes[0] ?? 0) % 40];
  let part = 0;
  for (const byte of bytes.subarray(1)) {
    part = part * 128 + (byte & 127);
    if (byte < 128) {
      parts.push(part);
      part = 0;
    }
  }
  return parts.join('.');
}

export interface FakeAgent {
  readonly port: number;
  /** OIDs asked for. */
  readonly asked: string[];
  close(): Promise<void>;
}

/** `answer`: rows, raw bytes in place of an answer, or nothing. */
export async function startFakeAgent(answer: (oid: string) => readonly Row[] | Buffer | undefined): Promise<FakeAgent> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  socket.on('message', (message, from) => {
    const [, community, pdu] = elementsOf(elementsOf(message)[0]?.value ?? Buffer.alloc(0));
    const [id, , , list] = elementsOf(pdu?.value ?? Buffer.alloc(0));
    const oid = oidText(
      elementsOf(elementsOf(list?.value ?? Buffer.alloc(0))[0]?.value ?? Buffer.alloc(0))[0]?.value ?? Buffer.alloc(0),
    );
    asked.push(oid);
    const rows = answer(oid);
    if (rows === undefined) return;
    const zero = tlv(tags.integer, Buffer.alloc(1));
    const reply = Buffer.isBuffer(rows)
      ? rows
      : tlv(
          0x30,
          tlv(tags.integer, Buffer.from([1])),
          tlv(tags.octets, community?.value ?? Buffer.alloc(0)),
          tlv(
            0xa2,
            tlv(tags.integer, id?.value ?? Buffer.alloc(0)),
            zero,
            zero,
            tlv(0x30, ...rows.map((row) => tlv(0x30, tlv(tags.oid, oidBytes(row.oid)), tlv(row.tag, row.value)))),
          ),
        );
    socket.send(reply, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    asked,
    close: async () => {
      socket.close();
      await once(socket, 'close');
    },
  };
}

/** An agent with these rows, in order, as an honest one gives them. */
export function honest(rows: readonly Row[], perAnswer = 25) {
  const key = (oid: string) =>
    oid
      .split('.')
      .map((part) => part.padStart(10, '0'))
      .join('.');
  const sorted = [...rows].sort((a, b) => (key(a.oid) < key(b.oid) ? -1 : 1));
  return (oid: string): readonly Row[] => {
    const next = sorted.filter((row) => key(row.oid) > key(oid)).slice(0, perAnswer);
    return next.length > 0 ? next : [{ oid, tag: tags.endOfView, value: Buffer.alloc(0) }];
  };
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

export interface Snmpd {
  readonly port: number;
  close(): Promise<void>;
}

/** The community is `testcommunity`; the user `weir` signs with SHA-256, `auth-secret`, and encrypts with AES, `priv-secret`. */
export async function startSnmpd(): Promise<Snmpd> {
  const folder = await mkdtemp(join(tmpdir(), 'weir-snmpd-'));
  const port = await freePort();
  const config = [
    `agentaddress udp:127.0.0.1:${port}`,
    'rocommunity testcommunity 127.0.0.1',
    'createUser weir SHA-256 "auth-secret" AES "priv-secret"',
    'rouser weir priv',
  ];
  await writeFile(join(folder, 'snmpd.conf'), `${config.join('\n')}\n`);
  const child = spawn('snmpd', ['-f', '-Le', '-C', '-c', join(folder, 'snmpd.conf')], {
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin`, SNMP_PERSISTENT_DIR: folder, MIBS: '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8');
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (more: string) => {
      said += more;
      if (said.includes('NET-SNMP version')) resolve();
    });
    child.once('exit', () => reject(new Error(`snmpd ended: ${said}`)));
    child.once('error', reject);
  });
  return {
    port,
    close: async () => {
      child.removeAllListeners('exit');
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
      await rm(folder, { recursive: true });
    },
  };
}
