// `weir geoip update`, against a server of our own: it has the paths of the sources.

import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { updateDatabases } from '../../src/app/geoip/update.ts';
import { openMmdbFile } from '../../src/enrich/mmdb-file.ts';
import { google, mountainView, writeDatabase } from '../enrich/city-database.ts';

const root = mkdtempSync(join(tmpdir(), 'weir-geoip-'));
afterAll(() => rmSync(root, { recursive: true }));

let city: Buffer;
let asn: Buffer;
beforeAll(async () => {
  city = readFileSync(await writeDatabase(join(root, 'c'), 'DBIP-City-Lite', [['8.8.8.0/24', mountainView]]));
  asn = readFileSync(await writeDatabase(join(root, 'a'), 'DBIP-ASN-Lite', [['8.8.8.0/24', google]]));
});

let server: Server;
let base: string;
/** By path and query. */
let files: Map<string, Buffer | number>;
const asked: string[] = [];
beforeEach(async () => {
  files = new Map();
  asked.length = 0;
  server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const found = files.get(url) ?? 404;
    if (typeof found === 'number') response.writeHead(found).end('<html>no</html>');
    else response.writeHead(200, { 'content-length': found.length }).end(found);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

let folders = 0;
function newFolder(): string {
  folders += 1;
  return join(root, `${folders}`);
}

const update = (directory: string, more: Partial<Parameters<typeof updateDatabases>[0]> = {}) =>
  updateDatabases({ city: true, directory, from: base, nowMs: Date.UTC(2026, 0, 2), ...more });

/** An archive as tar makes it: a folder, a text, the database, two empty blocks. */
function tarOf(name: string, content: Buffer): Buffer {
  const header = (entry: string, size: number, type: string) => {
    const block = Buffer.alloc(512);
    block.write(entry, 0, 'latin1');
    block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
    block.write(type, 156, 'latin1');
    return block;
  };
  const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
  return Buffer.concat([
    header('GeoLite2_20260101/', 0, '5'),
    header('GeoLite2_20260101/LICENSE.txt', 7, '0'),
    padded(Buffer.from('licence')),
    header(`GeoLite2_20260101/${name}.mmdb`, content.length, '0'),
    padded(content),
    Buffer.alloc(1024),
  ]);
}

const dbIp = (kind: string, month: string) => `/free/dbip-${kind}-lite-${month}.mmdb.gz`;
const geoLite = (edition: string, suffix: string) =>
  `/app/geoip_download?edition_id=${edition}&license_key=k%2Fey&suffix=${suffix}`;

test('loads DB-IP Lite without a key; the file of last month where that of this month is not there yet', async () => {
  files.set(dbIp('city', '2026-01'), gzipSync(city)).set(dbIp('asn', '2025-12'), gzipSync(asn));
  const folder = newFolder();
  const lines = await update(folder);
  expect(asked).toEqual([dbIp('city', '2026-01'), dbIp('asn', '2026-01'), dbIp('asn', '2025-12')]);
  expect((await openMmdbFile(join(folder, 'city.mmdb'), 'city')).lookup('8.8.8.8', 4)).toMatchObject(mountainView);
  expect((await openMmdbFile(join(folder, 'asn.mmdb'), 'asn')).lookup('8.8.8.8', 4)).toEqual(google);
  expect(lines[0]).toMatch(/city\.mmdb: DB-IP city lite 2026-01, built on 2019-09-06, /);
  expect(lines).toContain('IP Geolocation by DB-IP, https://db-ip.com (CC BY 4.0)');
  expect(readdirSync(folder).sort()).toEqual(['asn.mmdb', 'city.mmdb']);
});

test('leaves a database alone that is the same', async () => {
  files.set(dbIp('city', '2026-01'), gzipSync(city)).set(dbIp('asn', '2026-01'), gzipSync(asn));
  const folder = newFolder();
  await update(folder);
  expect((await update(folder))[0]).toContain('is the one that is there');
});

test('loads GeoLite2 with a key, and checks its SHA-256', async () => {
  for (const [edition, content] of [
    ['GeoLite2-City', city],
    ['GeoLite2-ASN', asn],
  ] as const) {
    const archive = gzipSync(tarOf(edition, content));
    files.set(geoLite(edition, 'tar.gz'), archive);
    const sum = createHash('sha256').update(archive).digest('hex');
    files.set(geoLite(edition, 'tar.gz.sha256'), Buffer.from(`${sum}  ${edition}.tar.gz\n`));
  }
  const folder = newFolder();
  const lines = await update(folder, { licenseKey: 'k/ey' });
  expect(readFileSync(join(folder, 'city.mmdb')).equals(city)).toBe(true);
  expect(lines.join('\n')).toContain('GeoLite2 data created by MaxMind');
  expect(lines.join('\n')).not.toContain('k/ey');
});

test.each([
  ['a web page', () => Buffer.from('<html>'), 'file-invalid', 'damaged'],
  ['half a download', () => gzipSync(city).subarray(0, 500), 'file-invalid', 'damaged'],
  ['half a database', () => gzipSync(city.subarray(0, city.length / 2)), 'file-invalid', 'no whole MaxMind DB file'],
  ['another database', () => gzipSync(asn), 'file-invalid', 'expected a database of type city, got DBIP-ASN-Lite'],
  ['a server in trouble', () => 503, 'download-failed', 'HTTP 503'],
])('refuses %s, and the old database stays', async (_, content, code, message) => {
  const folder = newFolder();
  files.set(dbIp('city', '2026-01'), gzipSync(city)).set(dbIp('asn', '2026-01'), gzipSync(asn));
  await update(folder);
  files.set(dbIp('city', '2026-01'), content());
  await expect(update(folder)).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
  expect(readFileSync(join(folder, 'city.mmdb')).equals(city)).toBe(true);
  expect(readdirSync(folder).sort()).toEqual(['asn.mmdb', 'city.mmdb']);
});

test('refuses a download whose SHA-256 is another', async () => {
  files.set(geoLite('GeoLite2-City', 'tar.gz'), gzipSync(tarOf('GeoLite2-City', city)));
  files.set(geoLite('GeoLite2-City', 'tar.gz.sha256'), Buffer.from(`${'0'.repeat(64)}  a\n`));
  const folder = newFolder();
  await expect(update(folder, { licenseKey: 'k/ey' })).rejects.toMatchObject({
    code: 'file-invalid',
    message: expect.stringContaining('SHA-256'),
  });
  expect(existsSync(join(folder, 'city.mmdb'))).toBe(false);
});

test('says that a key is refused, without the key', async () => {
  files.set(geoLite('GeoLite2-City', 'tar.gz'), 401);
  const error: Error = await update(newFolder(), { licenseKey: 'k/ey' }).then(
    () => new Error('it was taken'),
    (reason: Error) => reason,
  );
  expect(error.message).toBe('GeoLite2-City: the server refuses the licence key (HTTP 401)');
});

test('a server that refuses whoever comes without a key is said to refuse, not to refuse a key', async () => {
  files.set(dbIp('city', '2026-01'), 403);
  await expect(update(newFolder())).rejects.toThrow('DB-IP city lite 2026-01: the server answers HTTP 403');
});

test('a folder in the place of the database is one clear error, and nothing is left behind', async () => {
  const folder = newFolder();
  mkdirSync(join(folder, 'city.mmdb'), { recursive: true });
  files.set(dbIp('city', '2026-01'), gzipSync(city)).set(dbIp('asn', '2026-01'), gzipSync(asn));
  await expect(update(folder)).rejects.toMatchObject({
    code: 'folder-unwritable',
    message: expect.stringContaining('EISDIR'),
  });
  expect(readdirSync(folder)).toEqual(['city.mmdb']);
});

test('a download that is told to stop leaves nothing behind, and one that was killed is cleared away later', async () => {
  const folder = newFolder();
  server.removeAllListeners('request').on('request', (_request, response: ServerResponse) => {
    response.writeHead(200, { 'content-length': 1_000_000 });
    response.write(gzipSync(randomBytes(1000)).subarray(0, 500));
  });
  const stopping = new AbortController();
  const updating = update(folder, { signal: stopping.signal });
  updating.catch(() => undefined);
  await vi.waitFor(() => expect(readdirSync(folder)).toEqual([expect.stringMatching(/\.part$/)]));
  stopping.abort();
  await expect(updating).rejects.toMatchObject({ code: 'stopped' });
  expect(readdirSync(folder)).toEqual([]);

  const id = '917776f7-278e-4106-be50-c73987e908bb';
  const names = [`city.mmdb.${id}.part`, `asn.mmdb.${id}.part`, `notes.${id}.part`];
  for (const name of names) writeFileSync(join(folder, name), 'x');
  const nowMs = Date.now();
  utimesSync(join(folder, names[1]!), nowMs / 1000, (nowMs - 7 * 3_600_000) / 1000);
  utimesSync(join(folder, names[2]!), nowMs / 1000, (nowMs - 7 * 3_600_000) / 1000);
  await expect(update(folder, { nowMs, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'stopped' });
  expect(readdirSync(folder).toSorted()).toEqual([names[0], names[2]]);
});

test('says what it did not find, and that a server says nothing', async () => {
  await expect(update(newFolder())).rejects.toThrow(
    'the server has none of: DB-IP city lite 2026-01, DB-IP city lite 2025-12',
  );
  server.removeAllListeners('request').on('request', () => undefined);
  await expect(update(newFolder(), { silenceMs: 100 })).rejects.toThrow(
    'DB-IP city lite 2026-01: the server says nothing',
  );
  server.closeAllConnections();
  server.close();
  await expect(update(newFolder())).rejects.toThrow('ECONNREFUSED');
});

describe('what was there stays, and nothing else is left, when', () => {
  const path = dbIp('city', '2026-01');
  const good = () => gzipSync(city);
  const answering = (answer: (response: ServerResponse) => void) =>
    server.removeAllListeners('request').on('request', (_request, response: ServerResponse) => answer(response));

  test.each<[title: string, answer: () => void, message: RegExp]>([
    ['the server sends a page of its own', () => files.set(path, Buffer.from('<html>log in</html>')), /damaged/],
    ['the download is cut', () => files.set(path, good().subarray(0, good().length - 40)), /damaged/],
    ['the database is another one', () => files.set(path, gzipSync(asn)), /expected a database of type city/],
    ['what was packed is no database', () => files.set(path, gzipSync('no database')), /no whole MaxMind DB/],
    [
      'the connection breaks',
      () =>
        answering((response) => {
          response.writeHead(200, { 'content-length': good().length });
          response.write(good().subarray(0, 100), () => response.destroy());
        }),
      /DB-IP city lite 2026-01: /,
    ],
    [
      'the server falls silent in the middle',
      () =>
        answering((response) => {
          response.writeHead(200);
          response.write(good().subarray(0, 100));
        }),
      /the server says nothing/,
    ],
    [
      'the server sends round in circles',
      () => answering((response) => response.writeHead(302, { location: '/again' }).end()),
      /DB-IP city lite 2026-01: /,
    ],
  ])('%s', async (_title, answer, message) => {
    const folder = newFolder();
    mkdirSync(folder);
    writeFileSync(join(folder, 'city.mmdb'), 'the one before');
    answer();
    await expect(update(folder, { silenceMs: 500 })).rejects.toThrow(message);
    expect(readdirSync(folder)).toEqual(['city.mmdb']);
    expect(readFileSync(join(folder, 'city.mmdb'), 'utf8')).toBe('the one before');
  });

  test.each<[title: string, bytes: number, everyMs: number, limits: object, message: string]>([
    ['a byte now and then', 1, 20, { silenceMs: 500 }, 'the server says nothing, or next to nothing'],
    ['enough, and for ever', 65_536, 20, { silenceMs: 5000, limitMs: 500 }, 'not done within 1 s'],
  ])('the server sends %s', async (_title, bytes, everyMs, limits, message) => {
    const folder = newFolder();
    // What gzip can't make smaller, so that it is not unpacked to the end.
    const endless = gzipSync(randomBytes(64 * 1024 * 1024), { level: 0 });
    answering((response) => {
      response.writeHead(200);
      let at = 0;
      const timer = setInterval(() => {
        response.write(endless.subarray(at, at + bytes));
        at += bytes;
      }, everyMs);
      response.on('close', () => clearInterval(timer));
    });
    await expect(update(folder, limits)).rejects.toThrow(`DB-IP city lite 2026-01: ${message}`);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('the checksum never ends', async () => {
    const folder = newFolder();
    files.set(geoLite('GeoLite2-City', 'tar.gz'), gzipSync(tarOf('GeoLite2-City', city)));
    const [listener] = server.listeners('request');
    server.removeAllListeners('request').on('request', (request, response: ServerResponse) => {
      if (!String(request.url).endsWith('.sha256')) return listener?.(request, response);
      const more = () => {
        while (!response.destroyed && response.write('0'.repeat(10_000)));
      };
      response.on('drain', more);
      more();
    });
    await expect(update(folder, { licenseKey: 'k/ey' })).rejects.toThrow('the server tells no checksum');
    expect(readdirSync(folder)).toEqual([]);
  });
});

test('shows how far it is, and takes that away when it is done', async () => {
  files.set(dbIp('city', '2026-01'), gzipSync(city)).set(dbIp('asn', '2026-01'), gzipSync(asn));
  const shown: [title: string, position: number, size: number | undefined][] = [];
  let cleared = 0;
  const progress = {
    show: (title: string, position: number, size: number | undefined) => shown.push([title, position, size]),
    clear: () => {
      cleared += 1;
    },
  };
  await update(newFolder(), { progress });
  const sizes = { 'DB-IP city lite 2026-01': gzipSync(city).length, 'DB-IP asn lite 2026-01': gzipSync(asn).length };
  for (const [title, size] of Object.entries(sizes)) {
    const own = shown.filter(([of]) => of === title);
    expect(own.at(-1)).toEqual([title, size, size]);
    expect(own.map(([, position]) => position)).toEqual(own.map(([, position]) => position).toSorted((a, b) => a - b));
  }
  expect(cleared).toBe(2);
});

test('whoever reads the file meanwhile sees the whole old one, or the whole new one', async () => {
  const folder = newFolder();
  const prefixes = Array.from(
    { length: 4000 },
    (_, i) => [`10.${i >> 8}.${i & 255}.0/24`, { ...mountainView, i }] as const,
  );
  const build = async (type: string) =>
    readFileSync(await writeDatabase(join(root, type), `DBIP-City-${type}`, prefixes));
  const [older, newer] = [await build('older'), await build('newer')];
  files.set(dbIp('city', '2026-01'), gzipSync(older)).set(dbIp('asn', '2026-01'), gzipSync(asn));
  await update(folder);
  let isDone = false;
  const seen = new Set<string>();
  const reading = (async () => {
    while (!isDone || !seen.has('DBIP-City-newer')) {
      const file = await openMmdbFile(join(folder, 'city.mmdb'), 'city');
      seen.add(file.databaseType);
      expect(file.lookup('10.15.159.1', 4)).toMatchObject({ i: 3999 });
    }
  })();
  files.set(dbIp('city', '2026-01'), gzipSync(newer));
  await update(folder);
  isDone = true;
  await reading;
  expect([...seen]).toEqual(['DBIP-City-older', 'DBIP-City-newer']);
});

test('a folder that cannot be made is one clear error', async () => {
  mkdirSync(root, { recursive: true });
  await expect(update('/proc/weir')).rejects.toMatchObject({ code: 'folder-unwritable' });
});
