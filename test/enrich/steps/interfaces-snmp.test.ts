// Interfaces by SNMP: from snmpd, and from agents that are silent or lie.

import { afterEach, describe, expect, test, vi } from 'vitest';
import { createDocumentLane, createPipeline } from '../../../src/enrich/pipeline.ts';
import { readSnmpTable } from '../../../src/enrich/snmp-agent.ts';
import { createSnmpInterfaces } from '../../../src/enrich/snmp-interfaces.ts';
import { snmpSettings } from '../../../src/enrich/snmp-settings.ts';
import { interfacesStep } from '../../../src/enrich/steps/interfaces.ts';
import { toTestBatch, valueAtPath } from '../../../src/enrich/test-record.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { describeWith } from '../../needs.ts';
import { gauge, honest, type Row, startFakeAgent, startSnmpd, text } from './snmp-server.ts';

/** RFC 2863. */
const ifDescr = '1.3.6.1.2.1.2.2.1.2';
const ifSpeed = '1.3.6.1.2.1.2.2.1.5';
const ifName = '1.3.6.1.2.1.31.1.1.1.1';
const ifHighSpeed = '1.3.6.1.2.1.31.1.1.1.15';
const ifAlias = '1.3.6.1.2.1.31.1.1.1.18';

const start = Date.UTC(2026, 0, 1);
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function openStep(options: Readonly<Record<string, unknown>>) {
  const log: string[] = [];
  const logger = createLogger({ write: (line) => log.push(line) });
  const step = await interfacesStep.create(interfacesStep.options.parse(options), { folder: '.', logger });
  const pipeline = createPipeline({ steps: [{ name: 'interfaces', step }] });
  closing.push(() => pipeline.close());
  async function documentOf(exporter = '127.0.0.1', afterMs = 0): Promise<unknown> {
    const fields = { ingressInterface: 1, egressInterface: 7, 'weir.egressInterfaceName': 'told' };
    const batch = { ...toTestBatch({ protocol: 'ipfix', exporter, fields }), createdAtMs: start + afterMs };
    await pipeline.prepare(batch);
    const { bytes, ends } = pipeline.toDocuments(batch, createDocumentLane());
    return JSON.parse(bytes.toString('utf8', 0, ends[0]));
  }
  const stored = async (path: string, afterMs = 0) => valueAtPath(await documentOf('127.0.0.1', afterMs), path);
  return { documentOf, stored, log };
}

async function openFake(answer: (oid: string) => readonly Row[] | Buffer | undefined, more = {}, agent = {}) {
  const fake = await startFakeAgent(answer);
  closing.push(fake.close);
  const opened = await openStep({
    snmp: { agents: { community: 'c0mmunity', port: fake.port, ...agent }, timeout: '100ms', retries: 0, ...more },
  });
  return { ...opened, fake };
}

const router: readonly Row[] = [
  text(`${ifDescr}.1`, 'GigabitEthernet0/1'),
  text(`${ifDescr}.7`, 'Bundle-Ether7'),
  text(`${ifName}.1`, 'Gi0/1'),
  text(`${ifName}.7`, 'BE7'),
  text(`${ifAlias}.1`, 'to Vienna'),
  text(`${ifAlias}.7`, ''),
  gauge(`${ifSpeed}.1`, 1_000_000_000),
  gauge(`${ifSpeed}.7`, 4_294_967_295),
  gauge(`${ifHighSpeed}.7`, 200_000),
];

describeWith(['snmpd'], 'snmpd', () => {
  test.each([
    ['v2c', { community: 'testcommunity' }],
    [
      'v3, signed and encrypted',
      { user: 'weir', auth_protocol: 'sha256', auth_password: 'auth-secret', priv_password: 'priv-secret' },
    ],
  ])(
    'names the loopback interface by %s; the first flow does not wait',
    async (_version, agent) => {
      const snmpd = await startSnmpd();
      closing.push(snmpd.close);
      const { stored } = await openStep({ snmp: { agents: { ...agent, port: snmpd.port } } });
      expect(await stored('flow.input_ifname')).toBe('index: 1');
      await vi.waitFor(async () => expect(await stored('flow.input_ifname')).toBe('lo'), { timeout: 10_000 });
      // What snmpd says of a loopback (if-mib/data_access/interface_linux.c): 10 Mbit/s.
      expect(await stored('flow.input_ifspeed')).toBe(10_000_000);
    },
    30_000,
  );

  test.each([
    ['a wrong community', { community: 'wrong' }],
    [
      'a wrong password',
      { user: 'weir', auth_protocol: 'sha256', auth_password: 'not-the-one', priv_password: 'priv-secret' },
    ],
    ['an unknown user', { user: 'nobody', auth_password: 'auth-secret' }],
  ])(
    '%s is a fault that names no secret',
    async (_what, agent) => {
      const snmpd = await startSnmpd();
      closing.push(snmpd.close);
      const { stored, log } = await openStep({
        snmp: { agents: { ...agent, port: snmpd.port }, timeout: '500ms', retries: 0 },
      });
      await stored('flow.input_ifname');
      await vi.waitFor(() => expect(log.join()).toContain('could not be read by SNMP'), { timeout: 10_000 });
      expect(log.join()).not.toMatch(/"wrong"|not-the-one|priv-secret|auth-secret/);
      expect(await stored('flow.input_ifname')).toBe('index: 1');
    },
    30_000,
  );
});

describe('an agent that answers', () => {
  test('gives names, what operators wrote, and speeds beyond 32 bits', async () => {
    const { documentOf, stored } = await openFake(honest(router));
    await documentOf();
    await vi.waitFor(async () => expect(await stored('flow.output_ifspeed')).toBe(200_000_000_000));
    const document = await documentOf();
    expect(valueAtPath(document, 'flow.input_ifname')).toBe('Gi0/1');
    expect(valueAtPath(document, 'flow.input_ifalias')).toBe('to Vienna');
    expect(valueAtPath(document, 'flow.input_ifspeed')).toBe(1_000_000_000);
    // SNMP goes before what options records told.
    expect(valueAtPath(document, 'flow.output_ifname')).toBe('BE7');
    expect(valueAtPath(document, 'flow.output_ifalias')).toBeUndefined();
  });

  test.each([
    ['ifAlias', 'to Vienna', 'BE7'],
    ['ifDescr', 'GigabitEthernet0/1', 'Bundle-Ether7'],
  ])('is named by %s where one says so', async (name, input, output) => {
    const { documentOf, stored } = await openFake(honest(router), { name });
    await documentOf();
    await vi.waitFor(async () => expect(await stored('flow.input_ifname')).toBe(input));
    expect(await stored('flow.output_ifname')).toBe(output);
  });

  test('is asked once, and again when its time is over; what it said goes on to count', async () => {
    let name = 'old';
    const { stored, fake } = await openFake((oid) => honest([text(`${ifName}.1`, name)])(oid), { every: '1h' });
    await stored('flow.input_ifname');
    await vi.waitFor(async () => expect(await stored('flow.input_ifname')).toBe('old'));
    const asked = fake.asked.length;
    name = 'new';
    for (const minutes of [1, 30, 59]) expect(await stored('flow.input_ifname', minutes * 60_000)).toBe('old');
    expect(fake.asked.length).toBe(asked);
    expect(await stored('flow.input_ifname', 61 * 60_000)).toBe('old');
    await vi.waitFor(async () => expect(await stored('flow.input_ifname', 61 * 60_000)).toBe('new'));
  });

  test('is asked only when it sends, and only within the subnets that are named', async () => {
    const fake = await startFakeAgent(honest(router));
    closing.push(fake.close);
    const agents = { '127.0.0.2/32': { community: 'c', port: fake.port } };
    const { documentOf, stored } = await openStep({ snmp: { agents } });
    await documentOf('192.0.2.9');
    expect(await stored('flow.input_ifname')).toBe('index: 1');
    await new Promise((resolve) => setImmediate(resolve));
    expect(fake.asked).toEqual([]);
  });
});

describe('an agent that is silent or lies costs its names, and a fault', () => {
  const lies: readonly (readonly [string, (oid: string) => readonly Row[] | Buffer | undefined, string])[] = [
    ['never answers', () => undefined, 'does not answer'],
    ['answers with bytes that are no SNMP', () => Buffer.from('3082ffff0201', 'hex'), 'does not answer'],
    ['gives the same row again and again', () => [text(`${ifDescr}.5`, 'x')], 'out of order, or without end'],
    ['goes back', (oid) => [text(`${ifDescr}.${oid === ifDescr ? 9 : 3}`, 'x')], 'out of order, or without end'],
    ['numbers beyond 31 bits', () => [text(`${ifDescr}.4294967295`, 'x')], 'out of order, or without end'],
    ['indexes with two parts', () => [text(`${ifDescr}.1.2`, 'x')], 'out of order, or without end'],
    [
      'counts without end',
      (oid) => {
        const last = Number(oid.slice(ifDescr.length + 1) || 0);
        return oid.startsWith(ifDescr) ? [text(`${ifDescr}.${last + 1}`, 'x')] : honest([])(oid);
      },
      'more than 50 interfaces',
    ],
    ['texts of 60 kB', honest([text(`${ifName}.1`, 'x'.repeat(60_000))]), '1 values are of a wrong type, too long'],
    ['texts with control characters', honest([text(`${ifName}.1`, 'a\u001b[2Jb\nc')]), '1 values are of a wrong type'],
    ['a number in place of a text', honest([gauge(`${ifName}.1`, 5)]), '1 values are of a wrong type'],
    ['a text in place of a number', honest([text(`${ifSpeed}.1`, 'fast')]), '1 values are of a wrong type'],
  ];

  test.each(lies)('%s', async (_what, answer, reason) => {
    const { stored, log } = await openFake(answer, { interfaces: 50 });
    await stored('flow.input_ifname');
    await vi.waitFor(() => expect(log.join()).toContain(reason));
    expect(log.join()).not.toContain('c0mmunity');
    // Of the interface that it lies about nothing is known, or an honest text.
    expect(['index: 1', 'x']).toContain(await stored('flow.input_ifname'));
    expect(['told', 'x']).toContain(await stored('flow.output_ifname'));
  });

  test('any byte wrong in its answer ends nothing', async () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed;
    };
    const { stored, log, fake } = await openFake(() => {
      const bytes = Buffer.alloc(60, 0x30);
      for (let i = 0; i < 20; i++) bytes[random() % 60] = random() % 256;
      return bytes;
    });
    let hours = 0;
    for (let i = 0; i < 20; i++) {
      await vi.waitFor(async () => {
        hours += 1;
        await stored('flow.input_ifname', hours * 3_600_000);
        expect(fake.asked.length).toBeGreaterThan(i);
      });
    }
    expect(log.join()).toContain('does not answer');
  });

  test('markup in a name stays text', async () => {
    const { stored } = await openFake(honest([text(`${ifName}.1`, '<b onload="x">')]));
    await stored('flow.input_ifname');
    await vi.waitFor(async () => expect(await stored('flow.input_ifname')).toBe('<b onload="x">'));
  });
});

test('so many exporters are asked at the same time, and no more; the rest wait', async () => {
  const settings = snmpSettings.parse({ agents: { community: 'c' }, concurrency: 3 });
  const asked: string[] = [];
  const ends: (() => void)[] = [];
  const log: string[] = [];
  const snmp = createSnmpInterfaces({
    settings,
    logger: createLogger({ write: (line) => log.push(line) }),
    readTable: async (address) => {
      asked.push(address);
      await new Promise<void>((resolve) => ends.push(resolve));
      return { interfaces: new Map([[1, { name: `of ${address}` }]]), refused: 0, isCut: false };
    },
  });
  snmp.nowMs = start;
  for (let i = 1; i <= 10; i++) snmp.lookup(`192.0.2.${i}`, 1);
  expect(asked).toHaveLength(3);
  ends.shift()?.();
  await vi.waitFor(() => expect(asked).toHaveLength(4));
  expect(snmp.lookup('192.0.2.1', 1)?.name).toBe('of 192.0.2.1');
  const stopped = snmp.stop();
  for (const end of ends) end();
  await stopped;
  expect(asked).toHaveLength(4);
});

test('the package is loaded when the first exporter is asked, and a walk that was given up ends', async () => {
  const fake = await startFakeAgent(() => undefined);
  closing.push(fake.close);
  const giveUp = new AbortController();
  const walk = readSnmpTable(
    '127.0.0.1',
    { community: 'c', port: fake.port },
    { timeoutMs: 60_000, retries: 5, maxInterfaces: 10, maxMs: 60_000 },
    giveUp.signal,
  );
  await vi.waitFor(() => expect(fake.asked).toHaveLength(1));
  giveUp.abort();
  await expect(walk).rejects.toThrow('can’t be asked');
});

describe('the option', () => {
  const mistakesOf = (snmp: unknown) =>
    interfacesStep.options
      .safeParse({ snmp })
      .error?.issues.map(({ message, path }) => `${path.join('.')}: ${message}`);

  test('takes one agent for all, or a map from subnet, of which the longest counts', async () => {
    const { agentFinder } = await import('../../../src/enrich/snmp-settings.ts');
    const find = agentFinder(
      snmpSettings.parse({
        agents: { '10.0.0.0/8': { community: 'a' }, '10.1.0.0/16': { user: 'u', auth_password: '12345678' } },
      }),
    );
    expect(find('10.2.0.1')).toMatchObject({ community: 'a', port: 161 });
    expect(find('10.1.0.1')).toMatchObject({ user: 'u' });
    expect(find('192.0.2.1')).toBeUndefined();
  });

  test.each([
    ['no agents', {}],
    ['a short password', { agents: { user: 'u', auth_password: 'short' } }],
    ['encryption without a signature', { agents: { user: 'u', priv_password: '12345678' } }],
    ['a community and a user', { agents: { community: 'c', user: 'u' } }],
    ['no subnet', { agents: { everywhere: { community: 'c' } } }],
    ['an unknown key', { agents: { community: 'c' }, evry: '1h' }],
    ['too short an interval', { agents: { community: 'c' }, every: '1s' }],
  ])('%s is a mistake', (_what, snmp) => {
    expect(mistakesOf(snmp)?.length).toBeGreaterThan(0);
  });
});
