// Fragments of IP packets → whole payloads (RFC 791 §3.2, RFC 8200 §4.5), bounded: a capture may hold first halves only.

export interface Fragment {
  /** Source, destination, protocol and identification: what fragments of one packet share. */
  readonly key: string;
  /** Bytes before this piece. */
  readonly offset: number;
  readonly isLast: boolean;
  readonly bytes: Buffer;
  readonly timeMs: number;
}

export interface IpFragments {
  /** The whole payload once its last missing piece has come. */
  add(fragment: Fragment): Buffer | undefined;
}

interface Pieces {
  readonly byOffset: Map<number, Buffer>;
  readonly firstTimeMs: number;
  received: number;
  total: number | undefined;
}

/** A datagram of 64 KiB in pieces of 576 bytes is 120 of them. */
const maxPieces = 256;
/** With 256 pieces of one frame each, all packets in the making are at most 16 MiB. */
const maxPackets = 256;
const maxPayloadBytes = 65_535;
/** RFC 1122 §3.3.2: 60 seconds at the least; identifications come again, so not for ever. */
const maxAgeMs = 60_000;

export function createIpFragments(): IpFragments {
  /** In the order of their first piece. */
  const packets = new Map<string, Pieces>();

  function add({ key, offset, isLast, bytes, timeMs }: Fragment): Buffer | undefined {
    let pieces = packets.get(key);
    if (pieces !== undefined && Math.abs(timeMs - pieces.firstTimeMs) > maxAgeMs) {
      packets.delete(key);
      pieces = undefined;
    }
    if (pieces === undefined) {
      pieces = { byOffset: new Map(), firstTimeMs: timeMs, received: 0, total: undefined };
      packets.set(key, pieces);
      if (packets.size > maxPackets) packets.delete(packets.keys().next().value!);
    }
    const known = pieces.byOffset.get(offset);
    if (known !== undefined && known.length === bytes.length) return undefined; // captured twice
    if (known !== undefined || offset + bytes.length > maxPayloadBytes || pieces.byOffset.size >= maxPieces) {
      packets.delete(key);
      return undefined;
    }
    pieces.byOffset.set(offset, Buffer.from(bytes));
    pieces.received += bytes.length;
    if (isLast) pieces.total = offset + bytes.length;
    if (pieces.total === undefined || pieces.received < pieces.total) return undefined;
    packets.delete(key);
    return join(pieces.byOffset, pieces.total);
  }

  return { add };
}

/** Undefined when pieces overlap: nobody sends that in good faith (RFC 5722). */
function join(byOffset: ReadonlyMap<number, Buffer>, total: number): Buffer | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  while (at < total) {
    const part = byOffset.get(at);
    if (part === undefined || part.length === 0) return undefined;
    parts.push(part);
    at += part.length;
  }
  return Buffer.concat(parts, total);
}
