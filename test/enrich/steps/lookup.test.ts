// Tables of the user's own: what is found, what is wrong with a file, and that the good lines are used.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { createDocumentLane } from '../../../src/enrich/document-writer.ts';
import { createPipeline } from '../../../src/enrich/pipeline.ts';
import { fieldsStep } from '../../../src/enrich/steps/fields.ts';
import { lookupStep } from '../../../src/enrich/steps/lookup.ts';
import { toTestBatch } from '../../../src/enrich/test-record.ts';
import { WeirError } from '../../../src/model/errors.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import { writeDatabase } from '../city-database.ts';

let folder = '';
const lines: string[] = [];
const logger = createLogger({ write: (line) => lines.push((JSON.parse(line) as { msg: string }).msg) });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-lookup-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function documentOf(options: unknown, fields: Record<string, unknown>): Promise<Record<string, unknown>> {
  lines.length = 0;
  const step = await lookupStep.create(lookupStep.options.parse(options), { folder, logger });
  const pipeline = createPipeline({ steps: [{ name: 'lookup', step }] });
  const { bytes, ends } = pipeline.toDocuments(toTestBatch({ protocol: 'ipfix', fields }), createDocumentLane());
  await pipeline.close();
  return JSON.parse(bytes.toString('utf8', 0, ends[0])) as Record<string, unknown>;
}

async function labelsOf(file: string, text: string | Buffer, fields: Record<string, unknown>, more: object = {}) {
  await writeFile(join(folder, file), text);
  const options = { by: 'flow.src_addr', file, set: { 'labels.site': 'site', 'labels.owner': 'owner' }, ...more };
  return (await documentOf(options, fields))['labels'];
}

const source = { sourceIPv4Address: '10.1.2.3' };

test('what was found of an address is of one table, and of the address as it is stored then', async () => {
  await writeFile(join(folder, 'sites.csv'), 'net,site\n10.1.2.3,A\n');
  const open = async (file: string, label: string) => {
    const options = { by: 'flow.src_addr', file, set: { [label]: 'site' } };
    return { name: 'lookup', step: await lookupStep.create(lookupStep.options.parse(options), { folder, logger }) };
  };
  await writeFile(join(folder, 'owners.csv'), 'net,site\n10.1.2.3,B\n192.0.2.1,C\n');
  const moving = fieldsStep.options.parse({ when: 'flow.dst_port = 1', set: { 'flow.src_addr': '192.0.2.1' } });
  const steps = [
    await open('sites.csv', 'labels.a'),
    await open('owners.csv', 'labels.b'),
    { name: 'fields', step: await fieldsStep.create(moving, { folder, logger }) },
    await open('owners.csv', 'labels.c'),
    await open('sites.csv', 'labels.d'),
  ];
  const pipeline = createPipeline({ steps });
  const labelsAt = (port: number) => {
    const batch = toTestBatch({ protocol: 'ipfix', fields: { ...source, destinationTransportPort: port } });
    const { bytes, ends } = pipeline.toDocuments(batch, createDocumentLane());
    return (JSON.parse(bytes.toString('utf8', 0, ends[0])) as { labels: unknown }).labels;
  };
  for (const port of [1, 2, 1, 2]) {
    expect(labelsAt(port)).toEqual(port === 1 ? { a: 'A', b: 'B', c: 'C' } : { a: 'A', b: 'B', c: 'B', d: 'A' });
  }
  await pipeline.close();
});

describe('lookup in a CSV file', () => {
  it.each<[title: string, text: string, labels: unknown]>([
    ['the longest prefix', 'net,site,owner\n10.0.0.0/8,A,a\n10.1.0.0/16,B,b\n', { site: 'B', owner: 'b' }],
    ['columns in another order, and others', 'net,x,owner,site\n10.0.0.0/8,x,a,A', { site: 'A', owner: 'a' }],
    ['an address', 'net,site,owner\n10.1.2.3,A,a\n10.0.0.0/8,B,b', { site: 'A', owner: 'a' }],
    ['an empty field', 'net,site,owner\n10.0.0.0/8,A,', { site: 'A' }],
    ['no row', 'net,site,owner\n192.0.2.0/24,A,a', undefined],
    [
      'semicolons, quotes, CR LF, a byte order mark, comments',
      '\uFEFFnet;site;owner\r\n# no\r\n\r\n10.0.0.0/8;"A;""1""";b\r\n',
      { site: 'A;"1"', owner: 'b' },
    ],
    ['only a header', 'net,site,owner\n', undefined],
  ])('%s', async (_title, text, labels) => {
    expect(await labelsOf('a.csv', text, source)).toEqual(labels);
    expect(lines).toEqual([]);
  });

  it('finds IPv6 prefixes, and IPv4 only under IPv4', async () => {
    const text = 'net,site,owner\n::/0,all,x\n2001:db8::/32,doc,y\n';
    expect(await labelsOf('a.csv', text, { sourceIPv6Address: '2001:db8::1' })).toEqual({ site: 'doc', owner: 'y' });
    expect(await labelsOf('a.csv', text, { sourceIPv6Address: '2001:db9::1' })).toEqual({ site: 'all', owner: 'x' });
    expect(await labelsOf('a.csv', text, source)).toBeUndefined();
  });

  it('takes the key from the column that is named', async () => {
    const text = 'site,owner,net\nA,a,10.0.0.0/8\n';
    expect(await labelsOf('a.csv', text, source, { key: 'net' })).toEqual({ site: 'A', owner: 'a' });
  });

  it('names bad lines, and uses the good ones', async () => {
    const bad = [
      '10.0.0.0/33,A,a',
      'router,A,a',
      '10.1.0.0/16,A',
      '10.1.0.0/16,A,a,x',
      '10.1.0.0/16,"A,a',
      `10.1.0.0/16,${'x'.repeat(2000)},a`,
      `10.1.0.0/16,${'x'.repeat(70_000)},a`,
      '\u0000\u0001\u0002',
    ];
    const text = `net,site,owner\n${bad.join('\n')}\n10.0.0.0/8,good,a\n`;
    expect(await labelsOf('bad.csv', text, source)).toEqual({ site: 'good', owner: 'a' });
    const path = join(folder, 'bad.csv');
    expect(lines).toHaveLength(bad.length);
    for (const [index, line] of lines.entries()) expect(line.startsWith(`${path}:${index + 2} `)).toBe(true);
    expect(lines[0]).toContain('expected an IP address or a subnet, got "10.0.0.0/33"');
    expect(lines[2]).toContain('expected 3 fields, got 2');
    expect(lines[4]).toContain('a quote is not closed');
  });

  it('tells ten bad lines, and how many there are', async () => {
    const text = `net,site,owner\n${'x,A,a\n'.repeat(500)}10.0.0.0/8,good,a\n`;
    expect(await labelsOf('bad.csv', text, source)).toEqual({ site: 'good', owner: 'a' });
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toMatch(/500 lines are wrong; the others are used/);
  });

  it.each<[text: string | Buffer, more: object, message: RegExp]>([
    ['', {}, /is empty/],
    ['net,site\n10.0.0.0/8,A\n', {}, /no column "owner"; the columns are: net, site|did you mean/],
    ['net,sites,owner\n10.0.0.0/8,A,a\n', {}, /no column "site"; did you mean "sites"/],
    ['net,site,owner\n10.0.0.0/8,A,a\n', { key: 'network' }, /no column "network"/],
    [
      'net,site,owner\nx,A,a\ny,B,b\n',
      {},
      /a\.csv:2 expected an IP address or a subnet, got "x"; no line of the file is right/,
    ],
    [Buffer.alloc(200_000), {}, /longer than 64 KiB/],
  ])('refuses %j', async (text, more, message) => {
    await expect(labelsOf('a.csv', text, source, more)).rejects.toThrow(message);
    await expect(labelsOf('a.csv', text, source, more)).rejects.toBeInstanceOf(WeirError);
  });

  it('says which lines repeat a key, and takes the last', async () => {
    const text = 'net,site,owner\n10.0.0.0/8,A,\n10.1.0.0/16,B,\n10.1.2.3/16,C,\n';
    expect(await labelsOf('twice.csv', text, source)).toEqual({ site: 'C' });
    expect(lines).toEqual([expect.stringMatching(/twice\.csv:4 the key was there before; this line counts$/)]);
    const texts = 'app,site,owner\nssl,A,\nssh,B,\nssl,C,\n';
    const by = { by: 'flow.application' };
    expect(await labelsOf('texts.csv', texts, { applicationName: 'ssl' }, by)).toEqual({ site: 'C' });
    expect(lines).toEqual([expect.stringMatching(/texts\.csv:4 the key was there before/)]);
  });

  it.each([
    ['a column that is asked for twice', 'net,site,owner,site\n10.0.0.0/8,A,x,B\n', 'has the column "site" twice'],
    ['UTF-16', Buffer.from('\ufeffnet,site,owner\n10.0.0.0/8,A,B\n', 'utf16le'), 'is UTF-16: save it as UTF-8'],
  ])('refuses %s', async (_, text, message) => {
    await expect(labelsOf('wrong.csv', text, source)).rejects.toThrow(message);
  });

  it('takes a column twice that nobody asks for', async () => {
    const text = 'net,site,owner,note,note\n10.0.0.0/8,A,B,,\n';
    expect(await labelsOf('notes.csv', text, source)).toEqual({ site: 'A', owner: 'B' });
  });

  it('refuses a file that is not there', async () => {
    const options = { by: 'flow.src_addr', file: 'none.csv', set: { 'labels.a': 'a' } };
    await expect(documentOf(options, source)).rejects.toThrow(/file: .*none\.csv does not exist/);
  });
});

describe('lookup by other fields', () => {
  it.each([
    [80, 'well known'],
    [1023, 'well known'],
    [1024, 'registered'],
    [8080, 'proxy'],
    [8100, 'proxies'],
    [65_535, undefined],
  ])('port %i', async (port, name) => {
    const text =
      'port,name\n0-1023,well known\n1024..49151,registered\n8080,proxy\n8000-8100,proxies\n8050-9000,crosses\nx,y\n9-1,z\n';
    await writeFile(join(folder, 'ports.csv'), text);
    const options = { by: 'flow.dst_port', file: 'ports.csv', set: { 'labels.kind': 'name' } };
    const { labels } = await documentOf(options, { destinationTransportPort: port });
    expect(labels).toEqual(name === undefined ? undefined : { kind: name });
    expect(lines.map((line) => line.replace(/^.*:(\d+) .*$/, '$1'))).toEqual(['7', '8', '6']);
  });

  it('one of several values', async () => {
    const options = { by: 'flow.tcp_flags', table: { SYN: 'opens' }, set: { 'labels.it': 'value' } };
    const { labels } = await documentOf(options, { protocolIdentifier: 6, tcpControlBits: 0x12 });
    expect(labels).toEqual({ it: 'opens' });
  });

  it('sets numbers and addresses where a field holds them', async () => {
    await writeFile(join(folder, 'x.csv'), 'port,vlan,hop\n53,10,192.0.2.1\n54,ten,192.0.2.1\n55,10,router\n');
    const options = { by: 'flow.dst_port', file: 'x.csv', set: { 'flow.vlan': 'vlan', 'flow.next_hop': 'hop' } };
    const { flow } = await documentOf(options, { destinationTransportPort: 53 });
    expect(flow).toMatchObject({ vlan: 10, next_hop: '192.0.2.1' });
    expect(lines.map((line) => line.replace(/^.*:(\d+)/, '$1'))).toEqual([
      '3 expected a whole number from 0 to 4095, got "ten"',
      '4 expected an IP address, got "router"',
    ]);
  });

  it('only where the condition holds', async () => {
    const options = { by: 'flow.src_addr', table: { '10.0.0.0/8': 'A' }, set: { 'labels.site': 'value' } };
    expect(await documentOf({ ...options, when: 'flow.dst_port = 53' }, source)).not.toHaveProperty('labels');
  });
});

describe('lookup in other files', () => {
  it('YAML: a value for each key, or columns', async () => {
    const text = '10.0.0.0/8: A\n"10.1.0.0/16":\n  value: B\n  owner: b\n192.0.2.0/24: {value: C}\n';
    await writeFile(join(folder, 'a.yml'), text);
    const options = { by: 'flow.src_addr', file: 'a.yml', set: { 'labels.site': 'value', 'labels.owner': 'owner' } };
    expect((await documentOf(options, source))['labels']).toEqual({ site: 'B', owner: 'b' });
    expect(lines).toEqual([expect.stringMatching(/a\.yml:5 expected the columns of .* on lines of their own/)]);
    expect((await documentOf(options, { sourceIPv4Address: '10.2.0.0' }))['labels']).toEqual({ site: 'A' });
  });

  it('a MaxMind DB, by paths', async () => {
    const path = join(folder, 'a.mmdb');
    await writeDatabase(path, 'Test', [['192.0.2.0/24', { traits: { isp: 'Example', users: 7, is_x: true } }]]);
    const set = {
      'labels.isp': 'traits.isp',
      'flow.vlan': 'traits.users',
      'labels.is': 'traits.is_x',
      'labels.no': 'no.such',
    };
    const options = { by: 'flow.src_addr', file: 'a.mmdb', set };
    const { labels, flow } = await documentOf(options, { sourceIPv4Address: '192.0.2.9' });
    expect(labels).toEqual({ isp: 'Example', is: 'true' });
    expect(flow).toMatchObject({ vlan: 7 });
    expect(await documentOf(options, source)).not.toHaveProperty('labels');
    await expect(documentOf({ ...options, by: 'flow.dst_port' }, source)).rejects.toThrow(/looked up by address/);
  });
});

describe('the options of lookup', () => {
  it.each<[options: object, message: RegExp]>([
    [{ by: 'flow.src_adr' }, /unknown field "flow\.src_adr"; did you mean "flow\.src_addr"/],
    [{ by: '@timestamp' }, /nothing is looked up by it/],
    [{ set: {} }, /at least one field/],
    [{ set: { '@timestamp': 'a' } }, /can't be changed/],
    [{ set: { 'site.name': 'a' } }, /unknown field/],
    [{ table: { a: 'b' } }, /either "file" or "table"/],
    [{ when: 'x' }, /expected a field/],
  ])('%j is a mistake', (options, message) => {
    const whole = { by: 'flow.src_addr', file: 'a.csv', set: { 'labels.a': 'a' }, ...options };
    const { error } = lookupStep.options.safeParse(whole);
    expect(error?.issues.map((issue) => issue.message).join('\n')).toMatch(message);
  });

  it('a table in the pipeline file with a wrong key is refused', async () => {
    const options = { by: 'flow.src_addr', table: { router: 'A' }, set: { 'labels.a': 'value' } };
    await expect(documentOf(options, source)).rejects.toThrow(/expected an IP address or a subnet, got \\"router/);
  });
});
