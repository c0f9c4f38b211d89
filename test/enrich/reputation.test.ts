// Reputation lists: their formats, what of them is used, and those that come over the network.

import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createAddressLabels } from '../../src/enrich/address-labels.ts';
import { createDocumentLane, createPipeline } from '../../src/enrich/pipeline.ts';
import { openRemoteList, type RemoteListOptions } from '../../src/enrich/remote-list.ts';
import { type ListShape, readReputationList } from '../../src/enrich/reputation-list.ts';
import { atOnce } from '../../src/enrich/slices.ts';
import { readAllowList, reputationStep } from '../../src/enrich/steps/reputation.ts';
import { toTestBatch, valueAtPath } from '../../src/enrich/test-record.ts';
import { createLogger, silentLogger } from '../../src/telemetry/logger.ts';

const shape: ListShape = {
  format: undefined,
  addressColumn: undefined,
  labelColumn: undefined,
  labels: [],
  name: 'listed',
};

function read(text: string, path: string, more: Partial<ListShape> = {}) {
  const { entries, mistakes } = atOnce(readReputationList(text, path, { ...shape, ...more }));
  return {
    entries: Object.fromEntries(entries.map(({ address, labels }) => [address, labels.join('+')])),
    wrong: mistakes.map(({ line }) => line),
  };
}

describe('formats', () => {
  test('text: a word per line, comments, and subnets; the name of the list is the label', () => {
    const text =
      '# Spamhaus\n1.10.16.0/20 ; SBL256894\n\n192.0.2.1\t3\n192.0.2.2,x\n2001:db8::/32\nhost.example\n1.2.3.4/33\n';
    expect(read(text, 'drop.txt')).toEqual({
      entries: { '1.10.16.0/20': 'listed', '192.0.2.1': 'listed', '192.0.2.2': 'listed', '2001:db8::/32': 'listed' },
      wrong: [7, 8],
    });
  });

  test('YAML: labels of an address, addresses of a label, labels below an address', () => {
    const text =
      '"192.0.2.1": "botnet,scanner"\n192.0.2.2: [a, "b"]\nspam:\n  - 192.0.2.3\n  - 2001:db8::1\n192.0.2.4:\n  - x\n  - y\nz: w\n';
    expect(read(text, 'ip_rep_basic.yml')).toEqual({
      entries: {
        '192.0.2.1': 'botnet+scanner',
        '192.0.2.2': 'a+b',
        '192.0.2.3': 'spam',
        '2001:db8::1': 'spam',
        '192.0.2.4': 'y',
      },
      wrong: [9],
    });
  });

  test('CSV: columns by name, by what they hold, and without a header', () => {
    const feodo =
      '# feodo\n"first_seen","dst_ip","dst_port","malware"\n"2026-01-01","192.0.2.1","443","Emotet"\n"","x","","y"\n';
    expect(read(feodo, 'a.csv')).toEqual({ entries: { '192.0.2.1': 'Emotet' }, wrong: [4] });
    const named = { addressColumn: 'DST_IP', labelColumn: 'dst_port', labels: ['c2'] };
    expect(read(feodo, 'a', { ...named, format: 'csv' }).entries).toEqual({ '192.0.2.1': 'c2+443' });
    expect(read('192.0.2.1;spam\n192.0.2.2;', 'a.csv').entries).toEqual({ '192.0.2.1': 'spam', '192.0.2.2': 'listed' });
    expect(read('ip,label\n192.0.2.1,a', 'a.csv', { addressColumn: 'address' })).toEqual({ entries: {}, wrong: [1] });
  });

  test('JSON: MISP events and warning lists, arrays, an object per line', () => {
    const event = {
      response: [
        {
          Event: {
            Tag: [{ name: 'tlp:white' }],
            Attribute: [
              { type: 'ip-dst', value: '192.0.2.1', Tag: [{ name: 'botnet' }] },
              { type: 'ip-dst|port', value: '192.0.2.2|443' },
              { type: 'domain', value: 'host.example' },
            ],
            Object: [{ Attribute: [{ type: 'ip-src', value: '2001:db8::1' }] }],
          },
        },
      ],
    };
    expect(read(JSON.stringify(event), 'misp.json')).toEqual({
      entries: { '192.0.2.1': 'tlp:white+botnet', '192.0.2.2': 'tlp:white', '2001:db8::1': 'tlp:white' },
      wrong: [],
    });
    const warningList = { name: 'x', type: 'cidr', list: ['192.0.2.0/24', '2001:db8::/32'] };
    expect(Object.keys(read(JSON.stringify(warningList), 'list.json').entries)).toEqual(warningList.list);
    expect(read('["192.0.2.1"]', 'without-ending').entries).toEqual({ '192.0.2.1': 'listed' });
    const lines =
      '{"cidr":"192.0.2.0/24","sblid":"SBL1"}\nnot json\n{"type":"metadata"}\n{"ip":"192.0.2.1","tags":["a"]}\n';
    expect(read(lines, 'drop.json')).toEqual({ entries: { '192.0.2.0/24': 'listed', '192.0.2.1': 'a' }, wrong: [2] });
  });

  test('ElastiFlow’s ip_rep_whitelist.yml: any value but "false" allows', () => {
    const { entries, mistakes } = atOnce(
      readAllowList('"1.1.1.1": "true"\n"8.8.8.8": "false"\n"8.8.4.x": "true"\n', 'a.yml'),
    );
    expect(entries.map(({ address }) => address)).toEqual(['1.1.1.1']);
    expect(mistakes.map(({ line }) => line)).toEqual([3]);
  });

  test('whatever comes in, reading ends and what is used is an address', () => {
    const text = fc.string({ unit: fc.constantFrom(...'12.:/,;"\'\n[]{}-# abet'), maxLength: 200 });
    fc.assert(
      fc.property(text, fc.constantFrom('text', 'csv', 'yaml', 'json'), (list, format) => {
        for (const { address } of atOnce(readReputationList(list, 'x', { ...shape, format })).entries) {
          expect(ipaddr.isValid(address.split('/')[0] ?? '')).toBe(true);
        }
      }),
    );
  });
});

test('every entry that contains an address adds its labels, as an independent reading of the prefixes says', () => {
  const v4 = fc
    .tuple(fc.integer({ min: 0, max: 2 ** 20 - 1 }), fc.integer({ min: 8, max: 32 }))
    .map(([bits, length]) => `10.${bits >>> 16}.${(bits >>> 8) & 255}.${bits & 255}/${length}`);
  const v6 = fc
    .tuple(fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 32, max: 128 }))
    .map(([group, length]) => `2001:db8:${group.toString(16)}::${(group % 7).toString(16)}/${length}`);
  const prefix = fc.oneof(v4, v6);
  fc.assert(
    fc.property(fc.array(prefix, { minLength: 1, maxLength: 12 }), prefix, (prefixes, asked) => {
      const table = atOnce(createAddressLabels(prefixes.map((address, index) => ({ address, labels: [`l${index}`] }))));
      const address = asked.split('/')[0] ?? '';
      const parsed = ipaddr.parse(address);
      const expected = prefixes.flatMap((text, index) => {
        const [base, length] = ipaddr.parseCIDR(text);
        return base.kind() === parsed.kind() && parsed.match([base, length] as never) ? [`l${index}`] : [];
      });
      expect([...(table.lookup(address) ?? [])].sort()).toEqual(expected.sort());
    }),
  );
});

let folder: string;
let server: Server | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-lists-'));
});
afterEach(async () => {
  server?.closeAllConnections();
  await new Promise((resolve) => (server === undefined ? resolve(undefined) : server.close(resolve)));
  server = undefined;
  await rm(folder, { recursive: true });
});

async function serve(listener: RequestListener): Promise<string> {
  const opened = createServer(listener);
  server = opened;
  await new Promise<void>((resolve) => opened.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(opened.address() as AddressInfo).port}/drop.txt`;
}

function remote(url: string, more: Partial<RemoteListOptions<string>> = {}) {
  const readList = async (text: string): Promise<string> => {
    if (text.startsWith('<')) throw new Error('no list');
    return text;
  };
  return openRemoteList<string>({
    url,
    everyMs: 60_000,
    read: readList,
    empty: '',
    folder,
    logger: silentLogger,
    ...more,
  });
}

describe('a list from a URL', () => {
  test('is fetched in the background, kept, and there at once at the next start', async () => {
    const url = await serve((_request, response) => response.end('192.0.2.1\n'));
    const list = await remote(url);
    expect(list.current).toBe('');
    await vi.waitFor(() => expect(list.current).toBe('192.0.2.1\n'));
    expect(list.version).toBe(1);
    await vi.waitFor(async () => expect(await readdir(folder)).toEqual([expect.stringMatching(/^\w{64}\.list$/)]));
    await list.stop();

    const later = await remote(url.replace(/:\d+/, ':1'), {});
    expect(later.current).toBe('');
    await later.stop();
    const again = await remote(url);
    expect(again.current).toBe('192.0.2.1\n');
    await again.stop();
  });

  test('is asked for again; an answer that is no list, an error and a 304 leave the last good one', async () => {
    const answers: RequestListener[] = [
      (_request, response) => response.setHeader('etag', '"1"').end('good'),
      (_request, response) => response.end('<html>'),
      (_request, response) => response.writeHead(500).end('no'),
      (request, response) => response.writeHead(request.headers['if-none-match'] === '"2"' ? 304 : 200).end(),
      (_request, response) => response.end('new'),
    ];
    let asked = 0;
    const url = await serve((request, response) => {
      const answer = answers[Math.min(asked, answers.length - 1)];
      asked += 1;
      answer?.(request, response);
    });
    const seen: string[] = [];
    const list = await remote(url, {
      everyMs: 5,
      read: async (text) => {
        if (text.startsWith('<')) throw new Error('no list');
        seen.push(text);
        return text;
      },
    });
    await vi.waitFor(() => expect(list.current).toBe('new'));
    await list.stop();
    expect(seen.filter((text) => text !== '')).toEqual(expect.arrayContaining(['good', 'new']));
    expect(seen[0]).toBe('good');
  });

  test.each<[string, RequestListener, string]>([
    ['nothing', (_request, response) => response.end(), 'nothing'],
    ['empty lines', (_request, response) => response.end('\uFEFF \n\n'), 'nothing'],
    [
      'a web page with an address in it',
      (_request, response) => response.end('\n<!doctype html>\n192.0.2.9\n'),
      'a web page',
    ],
    ['UTF-16', (_request, response) => response.end(Buffer.from('\uFEFF192.0.2.9\n', 'utf16le')), 'UTF-16'],
    ['304, unasked', (_request, response) => response.writeHead(304).end(), '304'],
    ['429', (_request, response) => response.writeHead(429, { 'retry-after': '1' }).end('192.0.2.9'), '429'],
    [
      'half of it',
      (_request, response) =>
        response.writeHead(200, { 'content-length': '99' }).write('192.0.2.9\n', () => response.destroy()),
      '',
    ],
    [
      'a gzip bomb',
      (_request, response) =>
        response.setHeader('content-encoding', 'gzip').end(gzipSync(Buffer.alloc(3_000_000, 'x'))),
      'larger than 1000000 bytes',
    ],
  ])('whose server answers with %s is refused, and the one before stays in use', async (_, answer, reason) => {
    const url = await serve((request, response) => (request.url === '/kept' ? answer(request, response) : undefined));
    const kept = url.replace('drop.txt', 'kept');
    await writeFile(join(folder, `${createHash('sha256').update(kept).digest('hex')}.list`), '192.0.2.1\n');
    const reasons: string[] = [];
    const logger = createLogger({ write: (line) => reasons.push((JSON.parse(line) as { reason: string }).reason) });
    const list = await remote(kept, { logger, limits: { maxBytes: 1_000_000 }, read: async (text) => text });
    await vi.waitFor(() => expect(reasons).toEqual([expect.stringContaining(reason)]));
    expect(list).toMatchObject({ current: '192.0.2.1\n', isRefused: true, refusals: 1, version: 0 });
    await list.stop();
  });

  test('that was refused is refused again, and is not the same as before', async () => {
    const asked: unknown[] = [];
    const url = await serve((request, response) => {
      const known = request.headers['if-none-match'];
      asked.push(known);
      response.setHeader('etag', '"bad"');
      if (known === '"bad"') response.writeHead(304).end();
      else response.end('bad');
    });
    const list = await remote(url, { everyMs: 5, read: () => Promise.reject(new Error('no list')) });
    await vi.waitFor(() => expect(list.refusals).toBeGreaterThan(2));
    expect(new Set(asked)).toEqual(new Set([undefined]));
    expect(list.isRefused).toBe(true);
    await list.stop();
  });

  test('is kept by several at once, and none is in another’s way', async () => {
    const url = await serve((_request, response) => response.end('192.0.2.1\n'));
    const lines: string[] = [];
    const logger = createLogger({ level: 'warn', write: (line) => lines.push(line) });
    const lists = await Promise.all(Array.from({ length: 8 }, () => remote(url, { logger })));
    await vi.waitFor(() => expect(lists.map(({ current }) => current)).toEqual(lists.map(() => '192.0.2.1\n')));
    await Promise.all(lists.map((list) => list.stop()));
    expect(lines).toEqual([]);
    expect(await readdir(folder)).toEqual([expect.stringMatching(/^\w{64}\.list$/)]);
  });

  test('that has no end, or never comes, is given up', async () => {
    const reasons: string[] = [];
    const logger = createLogger({ write: (line) => reasons.push((JSON.parse(line) as { reason: string }).reason) });
    const url = await serve((request, response) => {
      if (request.url === '/silent') return;
      response.write('x'.repeat(100_000));
      const timer = setInterval(() => response.write('x'.repeat(100_000)), 1);
      response.on('close', () => clearInterval(timer));
    });
    const endless = await remote(url, { logger, limits: { maxBytes: 1_000_000 } });
    await vi.waitFor(() => expect(reasons).toEqual([expect.stringContaining('larger than 1000000 bytes')]));
    await endless.stop();
    const silent = await remote(url.replace('drop.txt', 'silent'), { logger, limits: { maxMs: 50 } });
    await vi.waitFor(() => expect(reasons).toHaveLength(2));
    await silent.stop();
  });

  test.each(['file:///etc/hosts', '/drop.txt'])(
    'is not followed to %s: to a file, or in a circle',
    async (location) => {
      const reasons: string[] = [];
      const logger = createLogger({ write: (line) => reasons.push((JSON.parse(line) as { reason: string }).reason) });
      const url = await serve((_request, response) => response.writeHead(302, { location }).end());
      const list = await remote(url, { logger });
      await vi.waitFor(() => expect(reasons).toEqual([expect.any(String)]));
      expect(list.current).toBe('');
      await list.stop();
    },
  );

  test('stops while it waits', async () => {
    const url = await serve(() => undefined);
    const list = await remote(url);
    await list.stop();
    expect(list.current).toBe('');
  });
});

async function tagsOf(options: unknown, more: { readonly isOffline?: boolean } = {}) {
  const warnings: string[] = [];
  const logger = createLogger({ write: (line) => warnings.push((JSON.parse(line) as { msg: string }).msg) });
  const step = await reputationStep.create(reputationStep.options.parse(options) as never, { folder, logger, ...more });
  const pipeline = createPipeline({ steps: [{ name: 'reputation', step }] });
  const fields = { sourceIPv4Address: '192.0.2.1', destinationIPv4Address: '10.0.0.1' };
  const tags = (): unknown => {
    const { bytes, ends } = pipeline.toDocuments(toTestBatch({ protocol: 'ipfix', fields }), createDocumentLane());
    return valueAtPath(JSON.parse(bytes.toString('utf8', 0, ends[0])), 'flow.rep_tags');
  };
  return { tags, warnings, close: () => pipeline.close() };
}

describe('the step', () => {
  test('takes lists and allow lists from files and names wrong lines', async () => {
    await writeFile(join(folder, 'ip_rep_basic.yml'), '"192.0.2.1": "botnet,scanner"\n"bad": "x"\n');
    await writeFile(join(folder, 'spam.txt'), '192.0.2.0/24\n');
    const lists = ['ip_rep_basic.yml', { file: 'spam.txt' }, { file: 'spam.txt', label: ['scanner', 'c2'] }];
    const listed = await tagsOf({ lists });
    expect(listed.tags()).toEqual(['botnet', 'scanner', 'spam', 'c2']);
    expect(listed.warnings).toEqual([expect.stringMatching(/^ip_rep_basic\.yml:2 .*"bad"/)]);
    await listed.close();
    await writeFile(join(folder, 'allow.yml'), '"192.0.2.1": "true"\n');
    const allowed = await tagsOf({ lists, allow_file: 'allow.yml' });
    expect(allowed.tags()).toBeUndefined();
    await allowed.close();
  });

  test('a list that comes later counts for addresses that were seen before', async () => {
    let answer: (() => void) | undefined;
    const url = await serve((_request, response) => {
      answer = () => response.end('192.0.2.1\n');
    });
    const { tags, close } = await tagsOf({ lists: [{ url, label: 'late' }] });
    expect(tags()).toBeUndefined();
    await vi.waitFor(() => expect(answer).toBeDefined());
    answer?.();
    await vi.waitFor(() => expect(tags()).toEqual(['late']));
    await close();
  });

  test('offline, nothing is fetched', async () => {
    let asked = 0;
    const url = await serve((_request, response) => {
      asked += 1;
      response.end();
    });
    const { tags, close } = await tagsOf({ lists: [{ url }] }, { isOffline: true });
    expect(tags()).toBeUndefined();
    await close();
    expect(asked).toBe(0);
  });

  test.each([
    [{ lists: [{ file: 'a', url: 'https://a.example/' }] }, /either a file or a url/],
    [{ lists: [{ url: 'ftp://a.example/' }] }, /http/],
    [{ lists: [{ url: 'https://user:secret@a.example/' }] }, /without a name/],
    [{ lists: [{ file: 'a', every: '1s' }] }, /1m/],
    [{ allow: ['everybody'] }, /subnet/],
  ])('refuses %j', (options, message) => {
    const { error } = reputationStep.options.safeParse(options);
    expect(JSON.stringify(error?.issues)).toMatch(message);
  });

  test('a list that is not there is an error that names the option', async () => {
    await expect(tagsOf({ lists: ['none.txt'] })).rejects.toMatchObject({
      code: 'file-missing',
      message: expect.stringMatching(/^lists: cannot read none\.txt/),
    });
  });
});
