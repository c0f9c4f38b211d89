// A datagram → the same as if it had been sent at another time: the time in its header (NetFlow v5, v9, IPFIX; sFlow has none), and
// the times in its records, as far as templates are known. Whole seconds, for headers hold no less.

import type { ExplainedSet } from '../../decode/explain.ts';
import type { Datagram } from '../../model/datagram.ts';

/** Where the header has its seconds since 1970: RFC 3954 §5.1, RFC 7011 §3.1, NetFlow v5. */
const headerSecondsAt: ReadonlyMap<number, number> = new Map([
  [5, 8],
  [9, 8],
  [10, 4],
]);

/** Gives a copy of the payload. `explained`: what a decoder told of this datagram; sets that were parked are gone already. */
export function shiftDatagram({ payload }: Datagram, explained: readonly ExplainedSet[], shiftMs: number): Buffer {
  const shifted = Buffer.from(payload);
  const seconds = Math.floor(shiftMs / 1000);
  const at = payload.length < 2 ? undefined : headerSecondsAt.get(payload.readUInt16BE(0));
  if (at !== undefined && at + 4 <= payload.length) addUint32(shifted, at, seconds);
  for (const { records, isParked, protocol } of explained) {
    if (isParked || protocol === 'sflow5') continue;
    for (const { fields } of records) {
      for (const { encoding, offset, length } of fields) shiftField(shifted, encoding, offset, length, seconds);
    }
  }
  return shifted;
}

/** RFC 7011 §6.1.7 to §6.1.10. 0 stands for "no time" where exporters have none. */
function shiftField(bytes: Buffer, encoding: string, at: number, length: number, seconds: number): void {
  if (encoding === 'seconds' && length === 4) addUint32(bytes, at, seconds);
  else if (encoding === 'milliseconds' && length === 8) {
    const ms = bytes.readBigUInt64BE(at);
    if (ms !== 0n) bytes.writeBigUInt64BE(BigInt.asUintN(64, ms + BigInt(seconds) * 1000n), at);
  } else if ((encoding === 'microseconds' || encoding === 'nanoseconds') && length === 8) addUint32(bytes, at, seconds);
}

function addUint32(bytes: Buffer, at: number, seconds: number): void {
  const value = bytes.readUInt32BE(at);
  if (value !== 0) bytes.writeUInt32BE((value + seconds) >>> 0, at);
}
