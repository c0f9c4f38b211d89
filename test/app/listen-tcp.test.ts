// The built program: IPFIX over TCP and TLS from sockets to documents, and exporters that may not send.

import { createSocket } from 'node:dgram';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createCertificates } from '../collect/tls-certificates.ts';
import { ipfix, ipfixTemplate, set, uint } from '../decode/datagram-builder.ts';
import { readDocuments, startWeir, waitUntil } from '../end-to-end/weir-process.ts';
import { describeWith } from '../needs.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'weir-tcp-'));
});
afterAll(() => rm(root, { recursive: true }));

const closers: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

let folders = 0;
function newFolder(): string {
  folders += 1;
  const folder = join(root, `${folders}`);
  mkdirSync(folder);
  return folder;
}

// IANA elements: 8 sourceIPv4Address, 12 destinationIPv4Address, 1 octetDeltaCount, 2 packetDeltaCount.
const addressesFirst = ipfixTemplate({
  id: 256,
  fields: [
    { id: 8, length: 4 },
    { id: 12, length: 4 },
    { id: 1, length: 4 },
  ],
});
/** The same id and the same length: only the meaning differs. */
const bytesFirst = ipfixTemplate({
  id: 256,
  fields: [
    { id: 1, length: 4 },
    { id: 8, length: 4 },
    { id: 12, length: 4 },
  ],
});
const address = (last: number) => uint(0x0a00_0000 + last, 4);

interface Message {
  readonly template?: Buffer;
  readonly records: readonly Buffer[];
}

const toMessage = ({ template, records }: Message): Buffer =>
  ipfix([...(template === undefined ? [] : [set(2, template)]), set(256, ...records)], {
    exportSeconds: Math.floor(Date.now() / 1000),
    domain: 1,
  });

async function open(port: number, localAddress = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  socket.on('error', () => undefined);
  socket.resume();
  closers.push(() => socket.destroy());
  await new Promise<void>((resolve) => {
    socket.once('connect', resolve).once('close', () => resolve());
  });
  return socket;
}

const toFlows = (folder: string) =>
  readDocuments(folder)
    .map(({ flow }) => `${flow['src_addr']} ${flow['dst_addr']} ${flow['bytes']}`)
    .sort();

/** Of files that are being written, too. */
function countLines(folder: string): number {
  const flows = join(folder, 'flows');
  // The ledger has a folder of its own in it.
  const names = existsSync(flows) ? readdirSync(flows).filter((name) => name !== 'ledger') : [];
  const files = names.map((name) => readFileSync(join(flows, name), 'utf8'));
  return files.reduce((sum, text) => sum + text.split('\n').length - 1, 0);
}

describe('weir run with tcp://', () => {
  test('decodes two connections of one address, domain and template id each by its own templates', async () => {
    const folder = newFolder();
    const weir = await startWeir({ folder, listen: ['tcp://127.0.0.1:0'] });
    const one = await open(weir.portOf('tcp'));
    const other = await open(weir.portOf('tcp'));
    const first = Buffer.concat([address(1), address(2), uint(100, 4)]);
    const second = Buffer.concat([uint(200, 4), address(3), address(4)]);
    one.write(toMessage({ template: addressesFirst, records: [first] }));
    await waitUntil(() => readDocuments(folder).length === 1, 20_000, 'the first document');
    other.write(toMessage({ template: bytesFirst, records: [second] }));
    await waitUntil(() => readDocuments(folder).length === 2, 20_000, 'the second document');
    one.write(toMessage({ records: [first] }));
    other.write(toMessage({ records: [second] }));
    await waitUntil(() => readDocuments(folder).length === 4, 20_000, 'four documents');
    expect(await weir.stop()).toEqual({ code: 0, signal: null });
    const flows = ['10.0.0.1 10.0.0.2 100', '10.0.0.3 10.0.0.4 200'];
    expect(toFlows(folder)).toEqual([flows[0], flows[0], flows[1], flows[1]]);
  });

  test('forgets templates with their connection: data of the next one needs its own', async () => {
    const folder = newFolder();
    const weir = await startWeir({ folder, listen: ['tcp://127.0.0.1:0'] });
    const record = Buffer.concat([address(1), address(2), uint(100, 4)]);
    const first = await open(weir.portOf('tcp'));
    first.end(toMessage({ template: addressesFirst, records: [record] }));
    await waitUntil(() => readDocuments(folder).length === 1, 20_000, 'the first document');
    const second = await open(weir.portOf('tcp'));
    second.end(toMessage({ records: [record] }));
    await waitUntil(() => weir.output().includes('parked-expired'), 20_000, 'data that nobody can read');
    expect(await weir.stop()).toEqual({ code: 0, signal: null });
    expect(readDocuments(folder)).toHaveLength(1);
  });

  test('loses nothing of a burst that the queue can’t hold: the exporter waits', async () => {
    const folder = newFolder();
    const settings = 'batch: { bytes: 64KiB }\nqueue: { memory: 1MiB }';
    const weir = await startWeir({ folder, settings, listen: ['tcp://127.0.0.1:0'] });
    const socket = await open(weir.portOf('tcp'));
    const records = Array.from({ length: 250 }, (_, at) => Buffer.concat([address(at), address(at), uint(at, 4)]));
    socket.write(toMessage({ template: addressesFirst, records: [] }));
    socket.end(Buffer.concat(Array.from({ length: 400 }, () => toMessage({ records }))));
    await waitUntil(() => countLines(folder) === 100_000, 45_000, 'all documents');
    expect(await weir.stop()).toEqual({ code: 0, signal: null });
    expect(countLines(folder)).toBe(100_000);
    expect(weir.output()).not.toContain('flows are lost');
  }, 60_000);

  test('writes what came in before the stop', async () => {
    const folder = newFolder();
    const settings = 'batch: { records: 100000, bytes: 64MiB, age: 1m }';
    const weir = await startWeir({ folder, settings, listen: ['tcp://127.0.0.1:0'] });
    const socket = await open(weir.portOf('tcp'));
    const records = Array.from({ length: 500 }, (_, at) => Buffer.concat([address(at), address(at), uint(at, 4)]));
    await new Promise<void>((resolve) => {
      socket.write(toMessage({ template: addressesFirst, records }), () => resolve());
    });
    expect(await weir.stop()).toEqual({ code: 0, signal: null });
    expect(readDocuments(folder)).toHaveLength(500);
  });
});

describeWith(['openssl'], 'weir run with tls://', () => {
  test('takes messages of exporters whose certificate the authority has signed, and of no others', async () => {
    const folder = newFolder();
    const certificates = createCertificates(folder);
    certificates.authority('ca');
    certificates.certificate('weir', 'ca');
    certificates.certificate('exporter', 'ca');
    const weir = await startWeir({
      folder,
      settings: 'collect: { tls: { certificate: weir.pem, key: weir.key, client_ca: ca.pem } }',
      listen: ['tls://127.0.0.1:0'],
    });
    const record = Buffer.concat([address(1), address(2), uint(100, 4)]);
    const read = (name: string) => readFile(certificates.file(name));
    const ca = await read('ca.pem');
    const peer = { host: '127.0.0.1', port: weir.portOf('tls'), ca };
    const stranger = connectTls(peer);
    stranger.on('error', () => undefined);
    stranger.resume();
    stranger.write(toMessage({ template: addressesFirst, records: [record] }));
    await waitUntil(() => stranger.closed, 20_000, 'the stranger is closed');
    const known = connectTls({ ...peer, cert: await read('exporter.pem'), key: await read('exporter.key') });
    known.on('error', () => undefined);
    known.resume();
    known.end(toMessage({ template: addressesFirst, records: [record] }));
    await waitUntil(() => readDocuments(folder).length === 1, 20_000, 'a document');
    expect(await weir.stop()).toEqual({ code: 0, signal: null });
    expect(toFlows(folder)).toEqual(['10.0.0.1 10.0.0.2 100']);
    expect(weir.output()).toContain('handshake-failed');
  });

  test('does not start without its certificate, and says what to mend', async () => {
    const folder = newFolder();
    const settings = 'collect: { tls: { certificate: weir.pem, key: weir.key } }';
    const start = startWeir({ folder, settings, listen: ['tls://127.0.0.1:0'] });
    await expect(start).rejects.toThrow(/ended with 2[\s\S]*weir\.pem: there is no such file/);
  });
});

describe.runIf(process.platform === 'linux')('collect.exporters.allow', () => {
  test('datagrams and connections from elsewhere are counted and dropped before they are decoded', async () => {
    const folder = newFolder();
    const weir = await startWeir({
      folder,
      settings: 'collect: { exporters: { allow: [ 127.0.0.1, 127.1.0.0/16 ] } }',
      listen: ['tcp://127.0.0.1:0'],
    });
    const message = (last: number) =>
      toMessage({
        template: addressesFirst,
        records: [Buffer.concat([address(last), address(2), uint(100, 4)])],
      });
    for (const [index, from] of ['127.0.0.1', '127.0.0.2', '127.1.2.3', '127.2.0.1'].entries()) {
      const socket = createSocket('udp4');
      await new Promise<void>((resolve) => socket.bind(0, from, resolve));
      await new Promise((resolve) => socket.send(message(10 + index), weir.port, '127.0.0.1', resolve));
      socket.close();
      (await open(weir.portOf('tcp'), from)).end(message(20 + index));
    }
    await waitUntil(() => readDocuments(folder).length === 4, 20_000, 'the documents of those who may');
    expect(await weir.stop()).toEqual({ code: 0, signal: null });
    expect(toFlows(folder).map((flow) => flow.split(' ')[0])).toEqual([
      '10.0.0.10',
      '10.0.0.12',
      '10.0.0.20',
      '10.0.0.22',
    ]);
    const last = JSON.parse(weir.output().trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
    expect(last).toMatchObject({ received: 4, indexed: 4, refused: 4, lost: 0 });
  });
});
