// A finished document as text → the same without the IP addresses in it: each one replaced, wherever it stands; names of hosts,
// bytes in hex and Community IDs, which tell the address too, go with them.

import ipaddr from 'ipaddr.js';
import { replaceInRuns } from './address-scan.ts';
import { createRecentMap } from './recent-map.ts';

/** Bytes of an address → bytes of the one that is stored. */
export type ReplaceAddress = (address: Uint8Array) => Uint8Array;

/** As many as the pipeline keeps facts of; a replacement costs some 5 µs. */
const maxRemembered = 65_536;

/**
 * What may be an IPv6 address (two colons at least), or begin with an IPv4 address. Rather one number too many than one address
 * left: versions of four numbers go, too.
 */
const candidates =
  /(?<![\da-f:.])[\da-f]{0,4}:[\da-f:]*:[\da-f:.]*|(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)|(?<!\d)\d{1,3}(?:-\d{1,3}){3}(?!\d)/gi;

const onlyIPv4 = /(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)/g;

/** Addresses are followed by their names (sides-text.ts, document-head.ts). */
const sideNames = /"(src|dst|client|server)_addr":"([^"]*)","\1_hostname":"(?:[^"\\]|\\.)*"/g;
const nodeName = /"node":\{"ipaddr":"([^"]*)","hostname":"(?:[^"\\]|\\.)*"/;
const communityId = /"community_id":"[^"]*"/;

/** `isExporterKept`: `event.host` and `node` stay as they are. Takes a document, or pieces of it with whole members. */
export function createAddressMasking(replace: ReplaceAddress, isExporterKept: boolean): (text: string) => string {
  const remembered = createRecentMap<string, string>(maxRemembered);

  function mask(text: string): string {
    const known = remembered.get(text);
    if (known !== undefined) return known;
    const result = replaced(text);
    return result === text ? text : remembered.add(text, result);
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

  const maskRun = (run: string): string => run.replace(candidates, mask);

  return (text) => {
    // The head is `{"@timestamp":…,"@version":…,"event":{…},"node":{…},`.
    const node = isExporterKept ? text.indexOf('"node":{') : -1;
    const headEnd = node < 0 ? 0 : text.indexOf('},', node) + 1;
    const rest = text
      .slice(headEnd)
      .replace(nodeName, '"node":{"ipaddr":"$1","hostname":"$1"')
      .replace(sideNames, '"$1_addr":"$2","$1_hostname":"$2"')
      .replace(communityId, '"community_id":"removed"');
    return text.slice(0, headEnd) + replaceInRuns(rest, maskRun);
  };
}

/** Octets may have leading zeros: people write them so. IPv4-mapped IPv6 is IPv4. */
function toBytes(text: string): readonly number[] | undefined {
  if (text.includes(':')) return ipaddr.IPv6.isValid(text) ? ipaddr.process(text).toByteArray() : undefined;
  const octets = text.split('.').map(Number);
  return octets.length === 4 && octets.every((octet) => octet <= 255) ? octets : undefined;
}
