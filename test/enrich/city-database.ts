// Small databases for tests: a city database in MaxMind's form and an AS database, written by mmdb-writer.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ipaddr from 'ipaddr.js';
import type { MmdbValue } from '../../src/enrich/mmdb-encoder.ts';
import { createMmdbWriter } from '../../src/enrich/mmdb-writer.ts';

export const mountainView = {
  city: { geoname_id: 5375480, names: { de: 'Mountain View', en: 'Mountain View' } },
  country: { geoname_id: 6252001, iso_code: 'US', names: { de: 'Vereinigte Staaten', en: 'United States' } },
  location: { accuracy_radius: 1000, latitude: 37.4043, longitude: -122.0748, time_zone: 'America/Los_Angeles' },
} as const;

export const google = { autonomous_system_number: 15169, autonomous_system_organization: 'Google LLC' } as const;

/** The city database of the sample document: 216.58.0.0/16 and Google's public DNS are in Mountain View. */
export function writeCityDatabase(folder: string): Promise<string> {
  return writeDatabase(join(folder, 'city.mmdb'), 'Test-City', [
    ['216.58.0.0/16', mountainView],
    ['2001:4860::/32', mountainView],
  ]);
}

/** The AS database of the sample document: 216.58.0.0/16 is Google's. */
export function writeAsnDatabase(folder: string): Promise<string> {
  return writeDatabase(join(folder, 'asn.mmdb'), 'Test-ASN', [
    ['216.58.0.0/16', google],
    ['2001:4860::/32', google],
  ]);
}

export async function writeDatabase(
  path: string,
  databaseType: string,
  entries: readonly (readonly [prefix: string, value: MmdbValue])[],
): Promise<string> {
  const writer = createMmdbWriter({ databaseType, description: 'for tests', builtAtMs: 1_567_777_321_000 });
  for (const [prefix, value] of entries) {
    const [first, last] = toRange(prefix);
    writer.setRange(first, last, writer.addValue(value));
  }
  await writeFile(path, writer.toBuffer());
  return path;
}

/** First and last address of a prefix as 16 bytes, IPv4 in ::/96. */
export function toRange(prefix: string): [Uint8Array, Uint8Array] {
  const [address, length] = ipaddr.parseCIDR(prefix);
  const bytes = address.toByteArray();
  const fixedBits = 128 - bytes.length * 8 + length;
  const first = new Uint8Array(16);
  first.set(bytes, 16 - bytes.length);
  const last = Uint8Array.from(first);
  for (let bit = fixedBits; bit < 128; bit++) {
    const mask = 0x80 >> (bit & 7);
    first[bit >> 3]! &= ~mask;
    last[bit >> 3]! |= mask;
  }
  return [first, last];
}
