// Prefix-preserving replacement of IP addresses: Crypto-PAn (Xu, Fan, Ammar, Moon: Prefix-Preserving IP Address Anonymization,
// ICNP 2002), for IPv4 and IPv6. Two addresses that share their first n bits share exactly n bits afterwards.

import { createCipheriv } from 'node:crypto';

const blockBytes = 16;

/** `key`: 32 bytes, the AES key and what the pad is made from. Gives the replaced bytes of an address of 4 or 16 bytes. */
export function createCryptoPan(key: Buffer): (address: Uint8Array) => Buffer {
  const aes = createCipheriv('aes-128-ecb', key.subarray(0, blockBytes), null).setAutoPadding(false);
  const pad = aes.update(key.subarray(blockBytes, 2 * blockBytes));

  return (address) => {
    const bits = address.length * 8;
    // Block i is the first i bits of the address, followed by the pad from bit i on; all go through AES in one call.
    const blocks = Buffer.allocUnsafe(bits * blockBytes);
    for (let i = 0; i < bits; i++) {
      const start = i * blockBytes;
      const wholeBytes = i >>> 3;
      pad.copy(blocks, start);
      for (let at = 0; at < wholeBytes; at++) blocks[start + at] = address[at]!;
      const mask = 0xff00 >>> (i & 7);
      blocks[start + wholeBytes] = (address[wholeBytes]! & mask) | (pad[wholeBytes]! & ~mask & 0xff);
    }
    const encrypted = aes.update(blocks);
    const result = Buffer.from(address);
    for (let i = 0; i < bits; i++) {
      if ((encrypted[i * blockBytes]! & 0x80) !== 0) result[i >>> 3]! ^= 0x80 >>> (i & 7);
    }
    return result;
  };
}
