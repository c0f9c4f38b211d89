// Names by reverse DNS, from a name server that answers, answers late, answers nonsense, or does not answer.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isNameless, readHostNames, toHostname, toPointerName } from '../../../src/enrich/host-names.ts';
import { createDocumentLane, createPipeline } from '../../../src/enrich/pipeline.ts';
import { createReverseNames } from '../../../src/enrich/reverse-names.ts';
import { atOnce } from '../../../src/enrich/slices.ts';
import { hostnameStep } from '../../../src/enrich/steps/hostname.ts';
import { toTestBatch, valueAtPath } from '../../../src/enrich/test-record.ts';
import { createLogger, silentLogger } from '../../../src/telemetry/logger.ts';
import { type NameServer, startNameServer } from './name-server.ts';

let server: NameServer;

const namesOf: Readonly<Record<string, readonly string[]>> = {
  '7.2.0.192.in-addr.arpa': ['web.example'],
  '1.2.0.192.in-addr.arpa': ['core.example'],
  '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa': ['six.example'],
};

beforeEach(async () => {
  server = await startNameServer((name) => namesOf[name] ?? 'none');
});
afterEach(() => server.close());

async function openStep(options: Readonly<Record<string, unknown>>, more: { readonly isOffline?: boolean } = {}) {
  const step = await hostnameStep.create(hostnameStep.options.parse({ nameserver: server.address, ...options }), {
    folder: '.',
    logger: silentLogger,
    ...more,
  });
  const pipeline = createPipeline({ steps: [{ name: 'hostname', step }] });
  const start = Date.UTC(2026, 0, 1);
  /** The document of a flow that comes so long after the first. */
  async function documentOf(fields: Readonly<Record<string, unknown>>, afterMs = 0): Promise<unknown> {
    const batch = { ...toTestBatch({ protocol: 'ipfix', fields }), createdAtMs: start + afterMs };
    await pipeline.prepare(batch);
    const { bytes, ends } = pipeline.toDocuments(batch, createDocumentLane());
    return JSON.parse(bytes.toString('utf8', 0, ends[0]));
  }
  return { documentOf, close: () => pipeline.close() };
}

const flow = { sourceIPv4Address: '10.0.0.1', destinationIPv4Address: '192.0.2.7' };
const dstHostname = (document: unknown) => valueAtPath(document, 'flow.dst_hostname');

describe('a name server that answers', () => {
  test('serves the flows that come after the answer; the first does not wait', async () => {
    const { documentOf, close } = await openStep({});
    expect(dstHostname(await documentOf(flow))).toBe('192.0.2.7');
    await vi.waitFor(async () => expect(dstHostname(await documentOf(flow))).toBe('web.example'));
    await vi.waitFor(async () => {
      expect(valueAtPath(await documentOf(flow), 'node.hostname')).toBe('core.example');
    });
    const document = await documentOf(flow);
    expect(valueAtPath(document, 'node.ipaddr')).toBe('192.0.2.1');
    expect(valueAtPath(document, 'flow.src_hostname')).toBe('10.0.0.1');
    await close();
  });

  test('serves the first flow, too, where the batch may wait', async () => {
    const { documentOf, close } = await openStep({ wait: '1s' });
    expect(dstHostname(await documentOf(flow))).toBe('web.example');
    const six = { sourceIPv6Address: '2001:db8::1', destinationIPv6Address: '2001:db8::2' };
    expect(valueAtPath(await documentOf(six), 'flow.src_hostname')).toBe('six.example');
    await close();
  });

  test('is asked once for an address until its time is over, whether it has a name or not', async () => {
    const { documentOf, close } = await openStep({ of: 'endpoints', wait: '1s', found_age: '15m', failed_age: '1h' });
    const minute = 60_000;
    for (const after of [0, 1, 14 * minute]) await documentOf(flow, after);
    expect([...server.asked].sort()).toEqual(['1.0.0.10.in-addr.arpa', '7.2.0.192.in-addr.arpa']);
    server.answer = () => ['new.example'];
    await documentOf(flow, 16 * minute);
    expect(dstHostname(await documentOf(flow, 16 * minute))).toBe('new.example');
    expect(valueAtPath(await documentOf(flow, 59 * minute), 'flow.src_hostname')).toBe('10.0.0.1');
    await documentOf(flow, 61 * minute);
    expect(valueAtPath(await documentOf(flow, 61 * minute), 'flow.src_hostname')).toBe('new.example');
    await close();
  });

  test('a name that is taken away gives the address back its own', async () => {
    const { documentOf, close } = await openStep({ of: 'endpoints', wait: '1s' });
    expect(dstHostname(await documentOf(flow))).toBe('web.example');
    server.answer = () => 'none';
    await documentOf(flow, 3_600_000);
    await vi.waitFor(async () => expect(dstHostname(await documentOf(flow, 3_600_000))).toBe('192.0.2.7'));
    await close();
  });

  test('is asked for the given networks only, and not for names that are written down', async () => {
    const { documentOf, close } = await openStep({
      wait: '1s',
      networks: ['192.0.2.0/24'],
      names: { '192.0.2.7': 'mine' },
    });
    expect(dstHostname(await documentOf(flow))).toBe('mine');
    await vi.waitFor(() => expect(server.asked).toEqual(['1.2.0.192.in-addr.arpa']));
    await close();
  });

  test('is not asked offline', async () => {
    const { documentOf, close } = await openStep({ wait: '1s' }, { isOffline: true });
    expect(dstHostname(await documentOf(flow))).toBe('192.0.2.7');
    await close();
    expect(server.asked).toEqual([]);
  });
});

test('a name server that does not answer costs nothing but the names', async () => {
  server.answer = () => 'silence';
  const { documentOf, close } = await openStep({});
  const start = performance.now();
  for (let i = 0; i < 20; i++) expect(dstHostname(await documentOf(flow))).toBe('192.0.2.7');
  await close();
  // c-ares gives up after 2 s at the earliest.
  expect(performance.now() - start).toBeLessThan(1500);
});

test('a batch waits for a name server that does not answer no longer than it may', async () => {
  server.answer = () => 'silence';
  const { documentOf, close } = await openStep({ wait: '50ms' });
  const start = performance.now();
  await documentOf(flow);
  const first = performance.now() - start;
  expect(first).toBeGreaterThanOrEqual(45);
  expect(first).toBeLessThan(1500);
  // Its addresses were asked for: nothing new to wait for.
  const again = performance.now();
  await documentOf(flow);
  expect(performance.now() - again).toBeLessThan(45);
  await close();
});

test.each([
  ['spaces and control characters', ['a b.example', 'a\u0000b.example', 'a\nb.example']],
  ['mark-up', ['<script>.example', 'a"b.example']],
  ['an address', ['10.0.0.1']],
  ['bytes beyond ASCII', ['\u00e4.example']],
  ['nothing', []],
])('an answer of %s is no name', async (_what, answers) => {
  server.answer = () => answers;
  const { documentOf, close } = await openStep({ of: 'endpoints', wait: '1s' });
  expect(dstHostname(await documentOf(flow))).toBe('192.0.2.7');
  await close();
});

test('of many names the first by alphabet that is one counts', async () => {
  const many = Array.from({ length: 20 }, (_, index) => `host${String(20 - index).padStart(2, '0')}.Example`);
  server.answer = () => ['!.example', ...many];
  const { documentOf, close } = await openStep({ of: 'endpoints', wait: '1s' });
  expect(dstHostname(await documentOf(flow))).toBe('host01.example');
  await close();
});

test('names have 253 characters at most', () => {
  const name = (length: number) => `${'a'.repeat(length - 2)}.b`;
  expect(toHostname([name(253)])).toBe(name(253));
  expect(toHostname([`${name(253)}.`])).toBe(name(253));
  expect(toHostname([name(254)])).toBeUndefined();
  expect(toHostname(['x'.repeat(1_000_000)])).toBeUndefined();
});

test.each([
  ['192.0.2.7', '7.2.0.192.in-addr.arpa'],
  // RFC 3596 §2.5 has this one.
  ['4321:0:1:2:3:4:567:89ab', 'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa'],
])('%s is asked for as %s', (address, name) => {
  expect(toPointerName(address)).toBe(name);
});

test('nobody is asked for addresses that have no names', () => {
  const nameless = ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255', '::', '::1', 'fe80::1', 'ff02::1'];
  expect(nameless.filter((address) => !isNameless(address))).toEqual([]);
  expect(['10.0.0.1', '8.8.8.8', 'fc00::1', '2001:db8::1'].filter(isNameless)).toEqual([]);
});

describe('names that are asked for in great numbers', () => {
  const limits = { foundEntries: 100, foundS: 900, failedEntries: 100, failedS: 3600 };
  const named = (text: string) => ({ text, hostname: text, hostnameDueS: undefined as number | undefined });
  const addressOf = (n: number) => `10.${n >>> 16}.${(n >>> 8) & 255}.${n & 255}`;

  test('at most 50 are under way and 10,000 wait', () => {
    let active = 0;
    const names = createReverseNames({
      ask: () => {
        active += 1;
        return new Promise(() => undefined);
      },
      limits,
      logger: silentLogger,
    });
    for (let n = 0; n < 50_000; n++) names.name(named(addressOf(n)));
    expect(active).toBe(50);
    expect(names.waiting).toBe(10_000);
    names.stop();
    expect(names.waiting).toBe(0);
  });

  test('after a hundred that nobody answered the server is left alone, and asked again later', async () => {
    const lines: string[] = [];
    const logger = createLogger({ write: (line) => lines.push((JSON.parse(line) as { msg: string }).msg) });
    let asked = 0;
    let isAway = true;
    const names = createReverseNames({
      ask: async () => {
        asked += 1;
        if (isAway) throw Object.assign(new Error('timeout'), { code: 'ETIMEOUT' });
        return ['a.example'];
      },
      limits,
      logger,
    });
    names.nowS = 1000;
    for (let n = 0; n < 1000; n++) names.name(named(addressOf(n)));
    await vi.waitFor(() => expect(names.waiting).toBe(0));
    expect(asked).toBeLessThan(250);
    expect(lines).toEqual([expect.stringContaining('does not answer')]);
    const before = asked;
    names.nowS = 1010;
    names.name(named('10.9.9.9'));
    expect([asked, names.waiting]).toEqual([before, 0]);
    isAway = false;
    names.nowS = 1031;
    const late = named('10.9.9.9');
    names.name(late);
    await vi.waitFor(() => expect(late.hostname).toBe('a.example'));
    expect(lines).toHaveLength(2);
    names.stop();
  });

  test('a name is given to all that wait for it', async () => {
    const names = createReverseNames({ ask: async () => ['a.example'], limits, logger: silentLogger });
    const waiting = [named('10.0.0.1'), named('10.0.0.1'), named('10.0.0.1')];
    for (const one of waiting) names.name(one);
    await vi.waitFor(() => expect(waiting.map(({ hostname }) => hostname)).toEqual(Array(3).fill('a.example')));
    names.stop();
  });
});

describe('names that are written down', () => {
  test('in the format of /etc/hosts, and in YAML', () => {
    const hosts =
      '# hosts\n127.0.0.1 localhost\n2001:DB8:0::1\tprinter.example printer # second floor\nx y\n10.0.0.1\n';
    const { entries, mistakes } = atOnce(readHostNames(hosts, 'hosts'));
    expect(entries.map(({ name }) => name)).toEqual(['localhost', 'printer.example']);
    expect(mistakes.map(({ line }) => line)).toEqual([4, 5]);
    const yaml = atOnce(
      readHostNames('"10.0.0.1": "Core switch"\n2001:db8::1: printer\n10.0.0.0/8: net\n', 'names.yml'),
    );
    expect(yaml.entries.map(({ name }) => name)).toEqual(['Core switch', 'printer']);
    expect(yaml.mistakes.map(({ line }) => line)).toEqual([3]);
  });

  test('are found in whatever form the address is written', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'weir-hosts-'));
    await writeFile(join(folder, 'hosts'), '2001:DB8:0:0::1 printer\n');
    const options = hostnameStep.options.parse({ dns: false, file: 'hosts', names: { '2001:db8::0:2': 'scanner' } });
    const step = await hostnameStep.create(options, { folder, logger: silentLogger });
    const pipeline = createPipeline({ steps: [{ name: 'hostname', step }] });
    const fields = { sourceIPv6Address: '2001:db8::1', destinationIPv6Address: '2001:db8::2' };
    const { bytes, ends } = pipeline.toDocuments(toTestBatch({ protocol: 'ipfix', fields }), createDocumentLane());
    const document: unknown = JSON.parse(bytes.toString('utf8', 0, ends[0]));
    expect(valueAtPath(document, 'flow.src_hostname')).toBe('printer');
    expect(dstHostname(document)).toBe('scanner');
    await pipeline.close();
    await rm(folder, { recursive: true });
  });
});

test.each(['192.0.2.300', 'ns.example', '192.0.2.53:99999', ''])('%j is no name server', (nameserver) => {
  expect(hostnameStep.options.safeParse({ nameserver }).success).toBe(false);
});

test.each(['192.0.2.53', '192.0.2.53:5353', '2001:db8::53', '[2001:db8::53]:5353'])('%s is one', async (nameserver) => {
  const options = hostnameStep.options.parse({ nameserver });
  const step = await hostnameStep.create(options, { folder: '.', logger: silentLogger });
  await step.close?.();
});
