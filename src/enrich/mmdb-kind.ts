// Is a MaxMind DB of the kind that a step reads? Not by its name, which each source chooses, but by what a few of its records hold:
// a database of autonomous systems under `geoip` would open well and find nothing, for ever.

import { WeirError } from '../model/errors.ts';
import { toIPv4Text } from './address-text.ts';
import type { MmdbFile } from './mmdb-file.ts';

type MmdbRecord = Readonly<Record<string, unknown>>;

/** So many records tell; in all databases of places some addresses have none. */
const recordsWanted = 50;
/** Networks that are looked at for them, spread over IPv4: most of those hold something. */
const networksTried = 512;
/** Of IPv6 little is given out: name servers and web sites of the great networks, and the first of each registry. */
const ipv6Tried = [
  '2001:4860:4860::8888',
  '2606:4700:4700::1111',
  '2620:fe::fe',
  '2a00:1450:4001::1',
  '2a02:26f0::1',
  '2400:cb00::1',
  '2600::1',
  '2800:3f0::1',
  '2c0f:fb50::1',
  '2001:200::1',
  '2001:db8::1',
];

/**
 * Throws WeirError when the file has records, and none of them `fits`, or when some can't be read. One without any is a small one,
 * and passes.
 */
export function requireKind(
  file: MmdbFile,
  option: string,
  {
    fits,
    what,
    hint,
  }: { readonly fits: (record: MmdbRecord) => boolean; readonly what: string; readonly hint: string },
): void {
  const records = someRecords(file);
  const { faults } = file;
  if (faults > 0) {
    const message = `${option}: ${file.path} is damaged: ${faults} of the ${networksTried + ipv6Tried.length} addresses tried can't be read`;
    throw new WeirError('file-invalid', message, {
      hint: 'Download it again, or name another.',
      context: { option, path: file.path },
    });
  }
  if (records.length === 0 || records.some(fits)) return;
  const { path, databaseType } = file;
  throw new WeirError(
    'file-invalid',
    `${option}: ${path} has no ${what}: it is a database of another kind (${JSON.stringify(databaseType.slice(0, 60))})`,
    { hint, context: { option, path } },
  );
}

function someRecords(file: MmdbFile): readonly MmdbRecord[] {
  const records: MmdbRecord[] = [];
  for (let i = 0; i < networksTried && records.length < recordsWanted; i++) {
    const record = file.lookup(toIPv4Text(Math.floor(((i + 0.5) / networksTried) * 2 ** 32)), 4);
    if (record !== undefined) records.push(record);
  }
  for (const address of ipv6Tried) {
    const record = file.lookup(address, 6);
    if (record !== undefined) records.push(record);
  }
  return records;
}
