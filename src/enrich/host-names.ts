// Names of hosts that users wrote down: the format of /etc/hosts, or YAML (`address: name`). And what counts as the name of a
// host when a name server says it: whatever it answers ends up on dashboards.

import { readAddressWords } from './address-words.ts';
import { type DataRead, isYaml, noteMistake, shown } from './data-file.ts';
import { readFlatEntries } from './flat-entries.ts';
import { readPrefix } from './prefix-table.ts';
import { itemsAtOnce, linesOf, type Slices } from './slices.ts';
import { nameMistake } from './table-files.ts';

export interface HostName {
  /** As `toHostKey` makes it. */
  readonly address: string;
  readonly name: string;
}

export function* readHostNames(text: string, path: string): Slices<DataRead<HostName>> {
  const entries: HostName[] = [];
  const mistakes: { line: number; message: string }[] = [];

  function add(line: number, written: string, name: string): void {
    const address = toHostKey(written);
    const message = address === undefined ? `expected an address, got ${shown(written)}` : nameMistake(name);
    if (message !== undefined || address === undefined) noteMistake(mistakes, line, message ?? '');
    else entries.push({ address, name });
  }

  if (isYaml(path)) {
    const flat = yield* readFlatEntries(text);
    mistakes.push(...flat.mistakes);
    for (const { key, value, line } of flat.entries) {
      if (line % itemsAtOnce === 0) yield;
      add(line, key, value);
    }
    return { entries, mistakes };
  }
  let number = 0;
  for (const line of linesOf(text)) {
    if (++number % itemsAtOnce === 0) yield;
    const [address = '', name] = line.replace(/#.*$/, '').trim().split(/\s+/, 2);
    // Names after the first one are aliases.
    if (address !== '') add(number, address, name ?? '');
  }
  return { entries, mistakes };
}

/** Of two names of an address the last one counts. */
export function* createHostTable(entries: readonly HostName[]): Slices<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const [index, { address, name }] of entries.entries()) {
    if (index % itemsAtOnce === 0) yield;
    names.set(address, name);
  }
  return names;
}

const words = new Uint32Array(4);

/** An address in whatever form, as one key; undefined for what is no address. */
export function toHostKey(address: string): string | undefined {
  if (readPrefix(address) === undefined || address.includes('/')) return undefined;
  const count = readAddressWords(address, words);
  return count === 0 ? undefined : words.subarray(0, count).join();
}

/** RFC 1035 §2.3.4 allows 255 octets, 253 characters when written; underscores are in use. */
const hostname = /^[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9])?$/;

/** More answers than this are no answer to look through. */
const maxAnswers = 64;

/**
 * One name of those that a name server gives for an address: the first by alphabet, so that it stays the same when the server
 * turns the order. Names with other characters, and those that pretend to be addresses, are none.
 */
export function toHostname(answers: readonly string[]): string | undefined {
  let first: string | undefined;
  for (const answer of answers.slice(0, maxAnswers)) {
    if (answer.length > 254) continue;
    const name = answer.toLowerCase().replace(/\.$/, '');
    if (!hostname.test(name) || /^[\d.]+$/.test(name)) continue;
    if (first === undefined || name < first) first = name;
  }
  return first;
}

/** RFC 1035 §3.5 and RFC 3596 §2.5: the name under which the name of an address is asked for. */
export function toPointerName(address: string): string | undefined {
  const count = readAddressWords(address, words);
  if (count === 0) return undefined;
  const bytes = Buffer.alloc(count * 4);
  for (let i = 0; i < count; i++) bytes.writeUInt32BE(words[i]!, i * 4);
  return count === 1
    ? `${[...bytes].reverse().join('.')}.in-addr.arpa`
    : `${[...bytes.toString('hex')].reverse().join('.')}.ip6.arpa`;
}

/** Addresses that nobody gives a name: unspecified, loopback, link-local (IPv6), multicast, broadcast. */
export function isNameless(address: string): boolean {
  const count = readAddressWords(address, words);
  if (count === 1) {
    const first = words[0]! >>> 24;
    return first === 0 || first === 127 || first >= 224;
  }
  const high = words[0]!;
  return (
    count === 0 || high >>> 24 === 0xff || high >>> 22 === 0x3fa || (high === 0 && words[1] === 0 && words[2] === 0)
  );
}
