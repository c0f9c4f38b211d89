// Where databases of places and autonomous systems come from: DB-IP Lite without a key, GeoLite2 with one (docs/geoip.md).

import { WeirError } from '../../model/errors.ts';

export type DatabaseKind = 'city' | 'country' | 'asn';

export interface Download {
  readonly kind: DatabaseKind;
  /** For people: "DB-IP city lite 2026-11". */
  readonly title: string;
  /** Holds the licence key for some: never shown. */
  readonly url: string;
  /** Where the SHA-256 of the download is told; absent: the source tells none. */
  readonly checksumUrl?: string;
  readonly packing: 'gz' | 'tar.gz';
  /** What the licence asks to show. */
  readonly attribution: string;
}

export interface SourceOptions {
  readonly kinds: readonly DatabaseKind[];
  readonly licenseKey: string | undefined;
  /** Another server with the same paths; absent: the source's own. */
  readonly base: string | undefined;
  readonly nowMs: number;
}

const dbIpBase = 'https://download.db-ip.com';
const maxMindBase = 'https://download.maxmind.com';
const editions: Readonly<Record<DatabaseKind, string>> = {
  city: 'GeoLite2-City',
  country: 'GeoLite2-Country',
  asn: 'GeoLite2-ASN',
};

/** For each kind the places to try, in this order: DB-IP's file of a new month comes some days late. */
export function toDownloads({ kinds, licenseKey, base, nowMs }: SourceOptions): readonly (readonly Download[])[] {
  if (base !== undefined && !(URL.canParse(base) && /^https?:$/.test(new URL(base).protocol)))
    throw new WeirError('usage', `--from: expected a URL such as ${dbIpBase}`);
  return kinds.map((kind) =>
    licenseKey === undefined
      ? [0, 1].map((monthsAgo) => toDbIp(kind, base ?? dbIpBase, toMonth(nowMs, monthsAgo)))
      : [toGeoLite(kind, base ?? maxMindBase, licenseKey)],
  );
}

function toDbIp(kind: DatabaseKind, base: string, month: string): Download {
  return {
    kind,
    title: `DB-IP ${kind} lite ${month}`,
    url: `${withoutSlash(base)}/free/dbip-${kind}-lite-${month}.mmdb.gz`,
    packing: 'gz',
    attribution: 'IP Geolocation by DB-IP, https://db-ip.com (CC BY 4.0)',
  };
}

function toGeoLite(kind: DatabaseKind, base: string, licenseKey: string): Download {
  const query = `edition_id=${editions[kind]}&license_key=${encodeURIComponent(licenseKey)}`;
  const url = `${withoutSlash(base)}/app/geoip_download?${query}&suffix=tar.gz`;
  return {
    kind,
    title: editions[kind],
    url,
    checksumUrl: `${url}.sha256`,
    packing: 'tar.gz',
    attribution: 'This product includes GeoLite2 data created by MaxMind, available from https://www.maxmind.com',
  };
}

function toMonth(nowMs: number, monthsAgo: number): string {
  const now = new Date(nowMs);
  const first = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - monthsAgo, 1));
  return first.toISOString().slice(0, 7);
}

function withoutSlash(base: string): string {
  return base.replace(/\/+$/, '');
}
