// Data sets that came before their template wait here (RFC 3954 §9, RFC 7011 §8), bounded by bytes and age.

import type { Fault } from '../model/fault.ts';
import type { RecordHeader } from '../model/record.ts';
import { createRecencyList, type Listed, type RecencyList } from './recency-list.ts';

export interface ParkedSet {
  readonly header: RecordHeader;
  /** A copy: datagrams don't outlive their decoding. */
  readonly bytes: Buffer;
}

export interface ParkedSetsOptions {
  readonly maxBytes: number;
  readonly maxBytesPerExporter: number;
  readonly maxAgeMs: number;
  readonly onFault: (fault: Fault) => void;
}

export interface ParkedSets {
  readonly size: number;
  /** Where there is no room, the oldest set of the same exporter goes, then the oldest of all. */
  park(key: string, header: RecordHeader, bytes: Buffer): void;
  /** What waits for this template, in the order in which it came; it waits no longer. */
  take(key: string): ParkedSet[];
  /** Who waits, and since when. */
  waiting(): Iterable<{ readonly exporter: string; readonly sets: number; readonly oldestAtMs: number }>;
  expire(nowMs: number): void;
}

/** Objects around a set weigh about as much; so a flood of empty sets is bounded, too. */
const overheadBytes = 500;

/** A parked set in the list of all. */
interface Place extends Listed<Place> {
  readonly key: string;
  readonly set: ParkedSet;
  readonly weight: number;
  readonly ofExporter: PlaceOfExporter;
}

interface PlaceOfExporter extends Listed<PlaceOfExporter> {
  place: Place | undefined;
}

interface ExporterShare {
  bytes: number;
  readonly places: RecencyList<PlaceOfExporter>;
}

export function createParkedSets({ maxBytes, maxBytesPerExporter, maxAgeMs, onFault }: ParkedSetsOptions): ParkedSets {
  const all = createRecencyList<Place>();
  const byKey = new Map<string, Set<Place>>();
  const byExporter = new Map<string, ExporterShare>();
  let bytes = 0;

  function park(key: string, header: RecordHeader, body: Buffer): void {
    const weight = body.length + overheadBytes;
    if (weight > Math.min(maxBytes, maxBytesPerExporter)) {
      report(header, 'no room');
      return;
    }
    for (let share = byExporter.get(header.exporter); share !== undefined && share.places.size > 0; ) {
      if (share.bytes + weight <= maxBytesPerExporter) break;
      giveUp(share.places.oldest?.place, 'no room for its exporter');
    }
    while (bytes + weight > maxBytes) giveUp(all.oldest, 'no room');

    const ofExporter: PlaceOfExporter = { place: undefined, newer: undefined, older: undefined };
    // Not from Node's pool, of which a few bytes would hold on to a whole slab.
    const copy = Buffer.allocUnsafeSlow(body.length);
    body.copy(copy);
    const set: ParkedSet = { header, bytes: copy };
    const place: Place = { key, set, weight, ofExporter, newer: undefined, older: undefined };
    ofExporter.place = place;
    all.add(place);
    const sameKey = byKey.get(key);
    if (sameKey === undefined) byKey.set(key, new Set([place]));
    else sameKey.add(place);
    let share = byExporter.get(header.exporter);
    if (share === undefined) {
      share = { bytes: 0, places: createRecencyList() };
      byExporter.set(header.exporter, share);
    }
    share.places.add(ofExporter);
    share.bytes += weight;
    bytes += weight;
  }

  function remove(place: Place): void {
    all.remove(place);
    bytes -= place.weight;
    const sameKey = byKey.get(place.key);
    sameKey?.delete(place);
    if (sameKey?.size === 0) byKey.delete(place.key);
    const { exporter } = place.set.header;
    const share = byExporter.get(exporter);
    if (share === undefined) return;
    share.bytes -= place.weight;
    share.places.remove(place.ofExporter);
    if (share.places.size === 0) byExporter.delete(exporter);
  }

  function giveUp(place: Place | undefined, reason: string): void {
    if (place === undefined) return;
    remove(place);
    report(place.set.header, reason);
  }

  function report({ exporter, domain, setId }: RecordHeader, reason: string): void {
    onFault({ code: 'parked-expired', exporter, detail: `set ${setId} of domain ${domain}: ${reason}` });
  }

  function take(key: string): ParkedSet[] {
    const places = [...(byKey.get(key) ?? [])];
    for (const place of places) remove(place);
    return places.map(({ set }) => set);
  }

  function expire(nowMs: number): void {
    for (let place = all.oldest; place !== undefined; place = all.oldest) {
      if (nowMs - place.set.header.receivedAtMs <= maxAgeMs) return;
      giveUp(place, 'its template did not come in time');
    }
  }

  function* waiting(): ReturnType<ParkedSets['waiting']> {
    for (const [exporter, { places }] of byExporter) {
      const oldest = places.oldest?.place;
      if (oldest !== undefined) yield { exporter, sets: places.size, oldestAtMs: oldest.set.header.receivedAtMs };
    }
  }

  return {
    waiting,
    get size() {
      return all.size;
    },
    park,
    take,
    expire,
  };
}
