// Both sides of a flow as JSON: their addresses, names and places, as source and destination, as client and server, and
// what they share. The JSON of one address in one part is made once and kept with its facts.

import type { AddressFacts, AutonomousSystem } from './address-facts.ts';
import type { FlowDocument, Side } from './flow-document.ts';
import { numberText, quoted, quotedAgain } from './json-text.ts';

export type Role = Side | 'client' | 'server';

/** One address in one part: a side, its role, and whether the fields that both sides share come from it alone. */
export interface Part {
  readonly side: Side;
  readonly role: 'client' | 'server' | undefined;
  readonly isAlone: boolean;
  /** Position among all parts. */
  readonly index: number;
}

export const parts: readonly Part[] = (['src', 'dst'] as const).flatMap((side, sideIndex) =>
  ([undefined, 'client', 'server'] as const).flatMap((role, roleIndex) =>
    [false, true].map((isAlone, aloneIndex) => ({
      side,
      role,
      isAlone,
      index: sideIndex * 6 + roleIndex * 2 + aloneIndex,
    })),
  ),
);

/** The one address whose JSON depends on the exporter. */
export const loopback = '127.0.0.1';

/** A flow of the exporter with itself is shown under the exporter's name. */
export function hostnameOf(facts: AddressFacts, exporter: string): string {
  return facts.text === loopback ? exporter : facts.hostname;
}

/** Byte text with whole members → the same without what must not be stored (`rewrite` of steps). */
export type Rewrite = (text: string) => string;

/** For a document that is rewritten as a whole, while the text that is kept with the facts of its addresses is rewritten. */
export const asIs: Rewrite = (text) => text;

/** `,"src_addr":…` and so on for both sides of a flow; with `rewrite`, which is the same each time, what it makes of them. */
export function sidesText(flow: FlowDocument, rewrite?: Rewrite): string {
  const { server, header, exporterHostname } = flow;
  const src = withSystem(flow.src, flow.srcSystem);
  const dst = withSystem(flow.dst, flow.dstSystem);
  const exporter = exporterHostname ?? header.exporter;
  const isSrcPlaced = src !== undefined && (src.isPlaced ?? hasPlace(src));
  const isDstPlaced = dst !== undefined && (dst.isPlaced ?? hasPlace(dst));
  let text = '';
  if (src !== undefined) {
    const role = server === undefined ? 0 : server === 'src' ? 4 : 2;
    text = sideText(src, isSrcPlaced && !isDstPlaced ? role + 1 : role, exporter, rewrite);
  }
  if (dst !== undefined) {
    const role = server === undefined ? 6 : server === 'dst' ? 10 : 8;
    text += sideText(dst, isDstPlaced && !isSrcPlaced ? role + 1 : role, exporter, rewrite);
  }
  if (!isSrcPlaced || !isDstPlaced) return text;
  const places = placesText(dst, src);
  return text + (rewrite === undefined ? places : rewrite(places));
}

export function withSystem(
  facts: AddressFacts | undefined,
  system: AutonomousSystem | undefined,
): AddressFacts | undefined {
  if (facts === undefined || system === undefined) return facts;
  return facts.withSystem?.(system) ?? { ...facts, asn: system.asn, autonomousSystem: system.text };
}

function sideText(facts: AddressFacts, index: number, exporter: string, rewrite: Rewrite | undefined): string {
  const known = rewrite === asIs ? undefined : facts.partText?.(index, exporter, rewrite);
  if (known !== undefined) return known;
  const text = toPartText(facts, parts[index]!, hostnameOf(facts, exporter));
  return rewrite === undefined ? text : rewrite(text);
}

export function toPartText(facts: AddressFacts, { side, role, isAlone }: Part, hostname: string): string {
  return (
    roleText(facts, side, hostname) +
    (role === undefined ? '' : roleText(facts, role, hostname)) +
    (isAlone ? placesText(facts, undefined) : '')
  );
}

/** Locations of source and destination are objects, those of client and server text, as in ElastiFlow's documents. */
function roleText(facts: AddressFacts, role: Role, hostname: string): string {
  const { autonomousSystem, asn, city, country, countryCode, location, network, reputation } = facts;
  let text = `,"${role}_addr":${quoted(facts.text)},"${role}_hostname":${quoted(hostname)}`;
  if (autonomousSystem !== undefined) text += `,"${role}_autonomous_system":${quoted(autonomousSystem)}`;
  if (asn !== undefined) text += `,"${role}_asn":${numberText(asn)}`;
  if (city !== undefined) text += `,"${role}_city":${quoted(city)}`;
  if (country !== undefined) text += `,"${role}_country":${quoted(country)}`;
  if (countryCode !== undefined) text += `,"${role}_country_code":${quoted(countryCode)}`;
  if (location !== undefined && Number.isFinite(location.lat) && Number.isFinite(location.lon)) {
    const { lat, lon } = location;
    const isObject = role === 'src' || role === 'dst';
    text += `,"${role}_geo_location":${isObject ? `{"lat":${lat},"lon":${lon}}` : `"${lat},${lon}"`}`;
  }
  if (network !== undefined) {
    if (network.name !== undefined) text += `,"${role}_network":${quoted(network.name)}`;
    if (network.site !== undefined) text += `,"${role}_site":${quoted(network.site)}`;
    if (network.tags !== undefined) text += `,"${role}_tags":${labelsText(network.tags)}`;
  }
  if (reputation !== undefined) text += `,"${role}_rep_tags":${labelsText(reputation)}`;
  return text;
}

/** Which of the fields that both sides share this one has. */
export function hasPlace(facts: AddressFacts): boolean {
  return (
    publicSystem(facts) !== undefined ||
    facts.country !== undefined ||
    facts.countryCode !== undefined ||
    facts.city !== undefined ||
    facts.reputation !== undefined
  );
}

/** The shared fields never say "private". */
export function publicSystem(facts: AddressFacts | undefined): string | undefined {
  return facts === undefined || facts.isPrivate ? undefined : facts.autonomousSystem;
}

/** The fields that both sides share: dst's value first, then src's, once when they are equal. */
function placesText(dst: AddressFacts, src: AddressFacts | undefined): string {
  return (
    bothText(',"autonomous_system":', publicSystem(dst), publicSystem(src)) +
    bothText(',"city":', dst.city, src?.city) +
    bothText(',"country":', dst.country, src?.country) +
    bothText(',"country_code":', dst.countryCode, src?.countryCode) +
    reputationText(bothLabels(src?.reputation, dst.reputation))
  );
}

function bothText(key: string, dst: string | undefined, src: string | undefined): string {
  if (dst === undefined || src === undefined || dst === src) {
    const one = dst ?? src;
    return one === undefined ? '' : key + quotedAgain(one);
  }
  return `${key}[${quotedAgain(dst)},${quotedAgain(src)}]`;
}

/** The labels of both sides, src's first, each once. */
export function bothLabels(
  src: readonly string[] | undefined,
  dst: readonly string[] | undefined,
): readonly string[] | undefined {
  if (src === undefined || dst === undefined) return src ?? dst;
  return [...src, ...dst.filter((label) => !src.includes(label))];
}

function reputationText(labels: readonly string[] | undefined): string {
  return labels === undefined ? '' : `,"rep_tags":${labelsText(labels)}`;
}

function labelsText(labels: readonly string[]): string {
  return `[${labels.map(quotedAgain).join()}]`;
}
