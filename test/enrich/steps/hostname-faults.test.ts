// Name servers that lie, break and dawdle, as real ones on UDP and TCP: the flow goes on under its address, what became of the
// question is counted, and what is remembered keeps its limits.

import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createDocumentLane, createPipeline } from '../../../src/enrich/pipeline.ts';
import { createReverseNames } from '../../../src/enrich/reverse-names.ts';
import { hostnameStep } from '../../../src/enrich/steps/hostname.ts';
import { toTestBatch, valueAtPath } from '../../../src/enrich/test-record.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

const answers = 0x8180;
const isTruncated = 0x0200;
const notThere = 3;
const serverFailed = 2;
const refused = 5;

interface Reply {
  readonly flags?: number;
  readonly id?: number;
  /** In place of the question that was asked. */
  readonly question?: string;
  /** Names as bytes, in labels of 63 at most. */
  readonly names?: readonly string[];
  readonly count?: number;
}

/** RFC 1035 §4.1. */
function encode(question: Buffer, { flags = answers, id, question: other, names = [], count }: Reply): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id ?? question.readUInt16BE(0), 0);
  header.writeUInt16BE(flags, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(count ?? names.length, 6);
  const asked = other === undefined ? question.subarray(12, questionEnd(question)) : toQuestion(other);
  const records = names.map((name) => {
    const data = toName(name);
    const record = Buffer.alloc(12);
    record.writeUInt16BE(0xc00c, 0);
    record.writeUInt16BE(12, 2);
    record.writeUInt16BE(1, 4);
    record.writeUInt32BE(3600, 6);
    record.writeUInt16BE(data.length, 10);
    return Buffer.concat([record, data]);
  });
  return Buffer.concat([header, asked, ...records]);
}

function questionEnd(question: Buffer): number {
  let at = 12;
  while ((question[at] ?? 0) > 0) at += 1 + question[at]!;
  return at + 5;
}

function toName(name: string): Buffer {
  const labels = name.split('.').map((label) => {
    const bytes = Buffer.from(label, 'latin1');
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  });
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function toQuestion(name: string): Buffer {
  return Buffer.concat([toName(name), Buffer.from([0, 12, 0, 1])]);
}

let udp: Socket | undefined;
let tcp: Server | undefined;
let closeStep: (() => Promise<void>) | undefined;
afterEach(async () => {
  await closeStep?.();
  closeStep = undefined;
  udp?.close();
  udp = undefined;
  await new Promise<void>((resolve) => (tcp === undefined ? resolve() : tcp.close(() => resolve())));
  tcp = undefined;
});

type Answer = (question: Buffer) => readonly Buffer[];

/** UDP and, where something is to be said there, TCP on the same port. */
async function startServer(overUdp: Answer, overTcp?: Answer): Promise<string> {
  tcp = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (data: Buffer) => {
      for (const message of overTcp?.(data.subarray(2)) ?? []) {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(Math.min(0xffff, message.length), 0);
        socket.write(Buffer.concat([length, message]));
      }
      socket.end();
    });
  });
  tcp.listen(0, '127.0.0.1');
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  const socket = createSocket('udp4');
  udp = socket;
  socket.on('message', (question, from) => {
    for (const message of overUdp(question)) socket.send(message, from.port, from.address);
  });
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return `127.0.0.1:${port}`;
}

async function openStep(nameserver: string, options: object = {}) {
  const counted: Record<string, number> = {};
  const step = await hostnameStep.create(
    hostnameStep.options.parse({ of: 'endpoints', nameserver, networks: ['192.0.2.0/24'], ...options }),
    {
      folder: '.',
      logger: silentLogger,
      count: (outcome) => {
        counted[outcome] = (counted[outcome] ?? 0) + 1;
      },
    },
  );
  const pipeline = createPipeline({ steps: [{ name: 'hostname', step }] });
  closeStep = () => pipeline.close();
  async function nameOf(address: string): Promise<unknown> {
    const fields = { sourceIPv4Address: '10.0.0.1', destinationIPv4Address: address };
    const batch = { ...toTestBatch({ protocol: 'ipfix', fields }), createdAtMs: Date.UTC(2026, 0, 1) };
    await pipeline.prepare(batch);
    const { bytes, ends, count } = pipeline.toDocuments(batch, createDocumentLane());
    expect(count).toBe(1);
    return valueAtPath(JSON.parse(bytes.toString('utf8', 0, ends[0])), 'flow.dst_hostname');
  }
  return { nameOf, counted };
}

const address = '192.0.2.7';
const many = (count: number, name: string) => Array.from({ length: count }, (_, i) => `${name}${i}.example`);

describe('a name server that answers at once', () => {
  test.each<[title: string, outcome: string, overUdp: Answer, overTcp?: Answer]>([
    ['that there is no such name', 'nameless', (asked) => [encode(asked, { flags: answers | notThere })]],
    ['with no record', 'nameless', (asked) => [encode(asked, {})]],
    ['that it failed', 'answer-failed', (asked) => [encode(asked, { flags: answers | serverFailed })]],
    ['that it will not', 'answer-failed', (asked) => [encode(asked, { flags: answers | refused })]],
    ['with records that are not there', 'answer-failed', (asked) => [encode(asked, { count: 40_000 })]],
    ['with control characters', 'answer-unusable', (asked) => [encode(asked, { names: ['a\u0000\u001b[2J.example'] })]],
    [
      'with mark-up',
      'answer-unusable',
      (asked) => [encode(asked, { names: ['<img src=x onerror=alert(1)>.example'] })],
    ],
    ['with bytes beyond ASCII', 'answer-unusable', (asked) => [encode(asked, { names: ['caf\u00e9.example'] })]],
    ['with an address', 'answer-unusable', (asked) => [encode(asked, { names: ['10.0.0.1'] })]],
    [
      'with a name of 254 characters',
      'answer-unusable',
      (asked) => [encode(asked, { names: [[63, 63, 63, 62].map((length) => 'a'.repeat(length)).join('.')] })],
    ],
    [
      'over TCP, with 64 KB of names that are none',
      'answer-unusable',
      (asked) => [encode(asked, { flags: answers | isTruncated })],
      (asked) => [encode(asked, { names: many(2000, '!') })],
    ],
  ])('%s: the flow keeps its address', async (_title, outcome, overUdp, overTcp) => {
    const { nameOf, counted } = await openStep(await startServer(overUdp, overTcp));
    expect(await nameOf(address)).toBe(address);
    await vi.waitFor(() => expect(counted).toEqual({ [outcome]: 1 }), { timeout: 10_000 });
    // Remembered: it is not asked for again.
    expect(await nameOf(address)).toBe(address);
    expect(counted).toEqual({ [outcome]: 1 });
  });

  test('over TCP, with 64 KB of names: one of them counts', async () => {
    const server = await startServer(
      (asked) => [encode(asked, { flags: answers | isTruncated })],
      (asked) => [encode(asked, { names: many(2000, 'h') })],
    );
    const { nameOf, counted } = await openStep(server);
    await nameOf(address);
    await vi.waitFor(() => expect(counted).toEqual({ named: 1 }), { timeout: 10_000 });
    expect(await nameOf(address)).toMatch(/^h\d+\.example$/);
  });

  test('with 64 KB in one datagram', async () => {
    const { nameOf, counted } = await openStep(
      await startServer((asked) => [encode(asked, { names: many(2200, 'h') })]),
    );
    expect(await nameOf(address)).toBe(address);
    // What it takes of that is its own business: it ends, and is counted.
    await vi.waitFor(() => expect(Object.values(counted)).toEqual([1]), { timeout: 15_000 });
    expect(await nameOf(address)).toMatch(/^(?:192\.0\.2\.7|h\d+\.example)$/);
  });
});

describe('what is no answer to the question is waited past', () => {
  const right = (asked: Buffer) => encode(asked, { names: ['right.example'] });
  const wrongNames = ['wrong.example'];
  test.each<[title: string, before: (asked: Buffer) => Buffer]>([
    ['another id', (asked) => encode(asked, { id: asked.readUInt16BE(0) ^ 1, names: wrongNames })],
    ['another question', (asked) => encode(asked, { question: '8.2.0.192.in-addr.arpa', names: wrongNames })],
    ['garbage', () => Buffer.from('garbage that is no message at all')],
    ['nothing', () => Buffer.alloc(0)],
    ['a question', (asked) => asked],
  ])('%s', async (_title, before) => {
    const { nameOf, counted } = await openStep(await startServer((asked) => [before(asked), right(asked)]));
    await nameOf(address);
    await vi.waitFor(() => expect(Object.values(counted)).toEqual([1]), { timeout: 10_000 });
    // Whatever it was, the wrong name is not stored.
    expect(await nameOf(address)).not.toBe('wrong.example');
  });
});

test('silence, over UDP or behind a truncated answer, is counted and costs no flow', async () => {
  const { nameOf, counted } = await openStep(
    await startServer(
      (asked) => (asked.includes('\u00017\u00012') ? [] : [encode(asked, { flags: answers | isTruncated })]),
      () => [],
    ),
  );
  for (const host of [7, 8]) expect(await nameOf(`192.0.2.${host}`)).toBe(`192.0.2.${host}`);
  await vi.waitFor(() => expect(counted['unanswered']).toBeGreaterThanOrEqual(1), { timeout: 20_000 });
  await vi.waitFor(() => expect(Object.values(counted).reduce((sum, count) => sum + count)).toBe(2), {
    timeout: 20_000,
  });
  expect(await nameOf(address)).toBe(address);
});

test('names and failures that are remembered keep their limits', async () => {
  const server = await startServer((question) => {
    const host = Number(question.toString('latin1', 13, 13 + question[12]!));
    return [encode(question, host % 2 === 0 ? { names: [`h${host}.example`] } : { flags: answers | notThere })];
  });
  const resolver = new Resolver();
  resolver.setServers([server]);
  const limits = { foundEntries: 10, foundS: 900, failedEntries: 10, failedS: 900 };
  const ask = (name: string) => resolver.resolvePtr(name);
  const names = createReverseNames({ ask, limits, logger: silentLogger });
  const addresses = Array.from({ length: 100 }, (_, host) => `192.0.2.${host + 1}`);
  for (const one of addresses) names.ask(one);
  await vi.waitFor(() => expect(names.waiting).toBe(0), { timeout: 10_000 });
  const known = addresses.map((one) => names.get(one)).filter((one) => one !== undefined);
  for (const kind of [known.filter(({ name }) => name !== undefined), known.filter(({ name }) => name === undefined)]) {
    expect(kind.length).toBeGreaterThanOrEqual(5);
    expect(kind.length).toBeLessThanOrEqual(10);
  }
  names.stop();
});
