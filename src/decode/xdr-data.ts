// How sFlow lays out variable data: padding (XDR, RFC 4506), addresses and the numbers of formats (sFlow v5 §5).

export const addressType = { unknown: 0, ipv4: 1, ipv6: 2 } as const;

/** §5.1, address: unknown has no bytes. */
export function addressLengthOf(type: number): number {
  if (type === addressType.ipv4) return 4;
  return type === addressType.ipv6 ? 16 : 0;
}

/** XDR pads opaque data to 4 bytes (RFC 4506 §4.10); some agents forget it after the last one (capture sf5-goflow2-drop-function). */
export function paddedEnd(dataEnd: number, start: number, end: number): number {
  return Math.min(end, dataEnd + ((start - dataEnd) & 3));
}

/** Enterprise and format of a data_format. */
export function formatText(dataFormat: number): string {
  return `${dataFormat >>> 12}:${dataFormat & 0xfff}`;
}
