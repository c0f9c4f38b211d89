// A finished document as text → the same without the IP addresses in it: each one replaced, wherever it stands; names of hosts,
// bytes in hex and Community IDs, which tell the address too, go with them.

import ipaddr from 'ipaddr.js';
import { replaceInRuns } from './address-scan.ts';
import { endOfString } from './document-changes.ts';
import { flat } from './json-text.ts';
import { createRecentMap } from './recent-map.ts';

/** Bytes of an address → bytes of the one that is stored. */
export type ReplaceAddress = (address: Uint8Array) => Uint8Array;

/** As many as the pipeline keeps facts of; a replacement costs some 5 µs. */
const maxRemembered = 65_536;

/** Longer than an IPv6 address with a port behind it, and names of hosts as providers make them. */
const maxRunRemembered = 64;

/**
 * What may be an IPv6 address (two colons at least), or begin with an IPv4 address. Rather one number too many than one address
 * left: versions of four numbers go, too.
 */
const candidates =
  /(?<![\da-f:.])[\da-f]{0,4}:[\da-f:]*:[\da-f:.]*|(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)|(?<!\d)\d{1,3}(?:-\d{1,3}){3}(?!\d)/gi;

const onlyIPv4 = /(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)/g;

const nodeName = /"node":\{"ipaddr":"([^"]*)","hostname":"(?:[^"\\]|\\.)*"/;
const communityId = /"community_id":"[^"]*"/;

/** `isExporterKept`: `event.host` and `node` stay as they are. Takes a document, or pieces of it with whole members. */
export function createAddressMasking(replace: ReplaceAddress, isExporterKept: boolean): (text: string) => string {
  const remembered = createRecentMap<string, string>(maxRemembered);

  function mask(text: string): string {
    const known = remembered.get(text);
    if (known !== undefined) return known;
    const result = replaced(text);
    // A piece of a document would keep the document.
    return result === text ? text : remembered.add(flat(text), result);
  }

  /** Punctuation before and after an address is no part of it. What is no address stays, but for an IPv4 address in it. */
  function replaced(text: string): string {
    // Names of hosts, as providers make them: ip-198-51-100-17.example.
    if (text.includes('-')) return mask(text.replaceAll('-', '.')).replaceAll('.', '-');
    const body = [text, text.replace(/[.:]+$/, ''), text.replace(/^:/, ''), text.replace(/^:|[.:]+$/g, '')].find(
      (part) => toBytes(part) !== undefined,
    );
    if (body === undefined) return text.includes(':') ? text.replace(onlyIPv4, mask) : text;
    const bytes = toBytes(body)!;
    if (bytes.every((byte) => byte === 0)) return text;
    const result = ipaddr.fromByteArray([...replace(Uint8Array.from(bytes))]);
    const shown = result instanceof ipaddr.IPv6 ? result.toRFC5952String() : result.toString();
    const start = text.indexOf(body);
    return text.slice(0, start) + shown + text.slice(start + body.length);
  }

  const runs = createRecentMap<string, string>(maxRemembered);

  /** As a rule a run is one address, and has come before: finding it costs a tenth of looking for addresses in it. */
  function maskRun(run: string): string {
    const known = runs.get(run);
    if (known !== undefined) return known;
    const result = run.replace(candidates, mask);
    return run.length > maxRunRemembered ? result : runs.add(flat(run), flat(result));
  }

  return (text) => {
    // Where a document begins: `{"@timestamp":…,"@version":…,"event":{…},"node":{…},`.
    const isBegin = text.startsWith('{');
    const node = isBegin && isExporterKept ? text.indexOf('"node":{') : -1;
    const headEnd = node < 0 ? 0 : text.indexOf('},', node) + 1;
    let rest = headEnd === 0 ? text : text.slice(headEnd);
    if (isBegin && !isExporterKept) rest = rest.replace(nodeName, '"node":{"ipaddr":"$1","hostname":"$1"');
    rest = withAddressesAsNames(rest);
    if (rest.includes('"community_id":"')) rest = rest.replace(communityId, '"community_id":"removed"');
    const masked = replaceInRuns(rest, maskRun);
    return headEnd === 0 ? masked : text.slice(0, headEnd) + masked;
  };
}

const nameKey = '_hostname":"';

/** Role → the key of its address, which is followed by its name (sides-text.ts). */
const addressKeys: ReadonlyMap<string, string> = new Map(
  ['src', 'dst', 'client', 'server'].map((role) => [role, `"${role}_addr":`]),
);

/** The name of each side and role becomes its address; where `fields` took that out, nothing is left of it. */
function withAddressesAsNames(text: string): string {
  let result = '';
  let copied = 0;
  for (let at = text.indexOf(nameKey); at >= 0; at = text.indexOf(nameKey, at + 1)) {
    const key = text.lastIndexOf('"', at);
    const addressKey = addressKeys.get(text.slice(key + 1, at));
    if (addressKey === undefined) continue;
    const nameFrom = at + nameKey.length;
    const end = key - 2;
    const from = text.lastIndexOf('"', end - 1);
    const isBehind = text.startsWith('",', end) && text.startsWith(addressKey, from - addressKey.length);
    result += text.slice(copied, nameFrom) + (isBehind ? text.slice(from + 1, end) : 'removed');
    copied = endOfString(text, nameFrom - 1) - 1;
    at = copied;
  }
  return copied === 0 ? text : result + text.slice(copied);
}

/** Octets may have leading zeros: people write them so. IPv4-mapped IPv6 is IPv4. */
function toBytes(text: string): readonly number[] | undefined {
  if (text.includes(':')) return ipaddr.IPv6.isValid(text) ? ipaddr.process(text).toByteArray() : undefined;
  const octets = text.split('.').map(Number);
  return octets.length === 4 && octets.every((octet) => octet <= 255) ? octets : undefined;
}
