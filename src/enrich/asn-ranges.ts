// Makes the AS database from the CSV files of its package: a folder in, the bytes of an .mmdb file out.
// Sources and licences: docs/geoip.md.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { WeirError } from '../model/errors.ts';
import { createMmdbWriter, type MmdbWriter } from './mmdb-writer.ts';

const packageName = '@ip-location-db/asn';

export async function buildAsnDatabase(sourceFolder: string, version: string): Promise<Buffer> {
  const writer = createMmdbWriter({
    databaseType: 'weir-ASN',
    description: `${packageName} ${version}: RouteViews, NRO and DB-IP (https://db-ip.com), CC BY 4.0`,
    builtAtMs: dataTimeMs(version),
  });
  const valueIds = new Map<string, number>();
  await addRanges(writer, valueIds, join(sourceFolder, 'asn-ipv4-num.csv'));
  await addRanges(writer, valueIds, join(sourceFolder, 'asn-ipv6-num.csv'));
  return writer.toBuffer();
}

/** The package's version ends with the hour of its data, as in 2.3.2026061719. */
function dataTimeMs(version: string): number {
  const parts = /(\d{4})(\d{2})(\d{2})(\d{2})$/.exec(version)?.slice(1).map(Number);
  if (parts === undefined) return 0;
  const [year = 0, month = 0, day = 0, hour = 0] = parts;
  return Date.UTC(year, month - 1, day, hour);
}

/** Lines are `first,last,asn,organisation`: addresses as decimal numbers, the organisation quoted where it has a comma. */
async function addRanges(writer: MmdbWriter, valueIds: Map<string, number>, path: string): Promise<void> {
  const text = await readFile(path).catch((cause: unknown) => {
    throw missingPackage(cause);
  });
  const first = new Uint8Array(16);
  const last = new Uint8Array(16);
  for (let start = 0; start < text.length; ) {
    const newline = text.indexOf(0x0a, start);
    const end = newline === -1 ? text.length : newline;
    const line = text.toString('utf8', start, end);
    start = end + 1;
    const fields = /^(\d{1,39}),(\d{1,39}),(\d{1,10}),(.*?)\r?$/.exec(line);
    if (fields === null) throw invalidLine(path, line);
    const [, firstText = '', lastText = '', asnText = '', organisation = ''] = fields;
    writeAddress(first, firstText);
    writeAddress(last, lastText);
    writer.setRange(first, last, valueIdOf(asnText, organisation));
  }

  function valueIdOf(asnText: string, organisation: string): number {
    const key = `${asnText},${organisation}`;
    const known = valueIds.get(key);
    if (known !== undefined) return known;
    const id = writer.addValue({
      autonomous_system_number: Number(asnText),
      autonomous_system_organization: unquote(organisation),
    });
    valueIds.set(key, id);
    return id;
  }
}

function writeAddress(address: Uint8Array, decimal: string): void {
  const view = new DataView(address.buffer);
  if (decimal.length <= 10) {
    view.setBigUint64(0, 0n);
    view.setUint32(8, 0);
    view.setUint32(12, Number(decimal));
  } else {
    const value = BigInt(decimal);
    view.setBigUint64(0, value >> 64n);
    view.setBigUint64(8, value);
  }
}

function unquote(field: string): string {
  return field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field;
}

function invalidLine(path: string, line: string): WeirError {
  return new WeirError('file-invalid', `${path} has a line that is no address range: ${line.slice(0, 80)}`, {
    hint: `Install ${packageName} again: \`npm ci\`.`,
  });
}

export function packageFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve(`${packageName}/package.json`));
  } catch (cause) {
    throw missingPackage(cause);
  }
}

export async function packageVersion(folder: string): Promise<string> {
  try {
    const content: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const version =
      typeof content === 'object' && content !== null && 'version' in content ? content.version : undefined;
    return String(version).replaceAll(/[^\w.-]/g, '_');
  } catch (cause) {
    throw missingPackage(cause);
  }
}

function missingPackage(cause: unknown): WeirError {
  return new WeirError('file-missing', `the package ${packageName}, the source of the AS database, is not installed`, {
    hint: 'Run `npm ci`, or name a database: `asn: { database: FILE }`.',
    cause,
  });
}
