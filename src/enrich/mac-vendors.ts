// MAC address → vendor, from data/ouis.tsv: the IEEE registries MA-L (24 bits), MA-M (28) and MA-S (36).

import { readTsv } from './protocol-names.ts';

export interface MacVendors {
  /** Takes a 48-bit number. The longest prefix counts. */
  vendorOf(mac: number): string | undefined;
}

/** 53,000 prefixes: 6 MB, read in 40 ms. */
export function loadMacVendors(): MacVendors {
  const byLength: ReadonlyMap<number, Map<number, string>> = new Map([
    [6, new Map()],
    [7, new Map()],
    [9, new Map()],
  ]);
  for (const [vendor = '', prefixes = ''] of readTsv('ouis.tsv')) {
    for (const prefix of prefixes.split(' ')) byLength.get(prefix.length)?.set(Number.parseInt(prefix, 16), vendor);
  }
  const large = byLength.get(6);
  const medium = byLength.get(7);
  const small = byLength.get(9);

  function vendorOf(mac: number): string | undefined {
    return (
      small?.get(Math.floor(mac / 2 ** 12)) ??
      medium?.get(Math.floor(mac / 2 ** 20)) ??
      large?.get(Math.floor(mac / 2 ** 24))
    );
  }

  return { vendorOf };
}
