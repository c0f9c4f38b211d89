// Prefix-preserving replacement of IP addresses: Crypto-PAn (Xu, Fan, Ammar, Moon: Prefix-Preserving IP Address Anonymization,
// ICNP 2002), for IPv4 and IPv6. Two addresses that share their first n bits share exactly n bits afterwards.

import { createCipheriv } from 'node:crypto';

const blockBytes = 16;

/** Bits whose replacement is worked out before: all first halves of IPv4 addresses. 128 KB, some 50 ms at the start. */
const readyBits = 16;

/** `key`: 32 bytes, the AES key and what the pad is made from. Gives the replaced bytes of an address of 4 or 16 bytes. */
export function createCryptoPan(key: Buffer): (address: Uint8Array) => Buffer {
  const aes = createCipheriv('aes-128-ecb', key.subarray(0, blockBytes), null).setAutoPadding(false);
  const pad = aes.update(key.subarray(blockBytes, 2 * blockBytes));
  /** Used again: fresh buffers and their fillers cost more than AES. */
  const blocks = Buffer.alloc(128 * blockBytes);
  const blocksOf = {
    4: blocks.subarray(0, (32 - readyBits) * blockBytes),
    16: blocks.subarray(0, (128 - readyBits) * blockBytes),
  };

  /** Block of the first `bits` bits of the address, followed by the pad from there on. */
  function putBlock(at: number, address: Uint8Array, bits: number): void {
    const wholeBytes = bits >>> 3;
    for (let i = 0; i < blockBytes; i++) blocks[at + i] = i < wholeBytes ? address[i]! : pad[i]!;
    const mask = 0xff00 >>> (bits & 7);
    if ((bits & 7) !== 0) blocks[at + wholeBytes] = (address[wholeBytes]! & mask) | (pad[wholeBytes]! & ~mask & 0xff);
  }

  /** First 16 bits → those that replace them. Of each length of prefix all are encrypted in one call. */
  function makeReady(): Uint16Array {
    const ready = Uint16Array.from({ length: 2 ** readyBits }, (_, first) => first);
    for (let bits = 0; bits < readyBits; bits++) {
      const prefixes = 2 ** bits;
      const all = Buffer.alloc(prefixes * blockBytes);
      for (let prefix = 0; prefix < prefixes; prefix++) {
        const start = prefix << (readyBits - bits);
        putBlock(0, Uint8Array.of(start >>> 8, start & 0xff), bits);
        blocks.copy(all, prefix * blockBytes, 0, blockBytes);
      }
      const encrypted = aes.update(all);
      const flip = 2 ** (readyBits - 1 - bits);
      for (let first = 0; first < ready.length; first++) {
        if ((encrypted[(first >>> (readyBits - bits)) * blockBytes]! & 0x80) !== 0) ready[first]! ^= flip;
      }
    }
    return ready;
  }

  const ready = makeReady();

  return (address) => {
    const own = address.length === 4 ? blocksOf[4] : blocksOf[16];
    const count = own.length / blockBytes;
    for (let i = 0; i < count; i++) putBlock(i * blockBytes, address, readyBits + i);
    const encrypted = aes.update(own);
    const result = Buffer.from(address);
    result.writeUInt16BE(ready[(address[0]! << 8) | address[1]!]!, 0);
    for (let i = 0; i < count; i++) {
      if ((encrypted[i * blockBytes]! & 0x80) !== 0) result[2 + (i >>> 3)]! ^= 0x80 >>> (i & 7);
    }
    return result;
  };
}
