// A capture file (pcap or pcapng) → the UDP datagrams in it, in file order, in constant memory.

import type { Datagram } from '../model/datagram.ts';
import { type ByteSource, openByteSource, openByteStream } from './byte-source.ts';
import { type OnWarning, readPackets } from './capture-packets.ts';
import { findIpHeader, toDatagram } from './captured-datagram.ts';
import { createIpFragments } from './ip-fragments.ts';

export interface CaptureFileOptions {
  /** Called with one sentence when the file is cut or broken, or has packets that weir can't look into. */
  readonly onWarning?: OnWarning;
  /** Called often with how far the file is read, in bytes; `size` is undefined where it is not known. */
  readonly onProgress?: (position: number, size: number | undefined) => void;
}

/**
 * Throws WeirError: `file-missing` when there is no such file, `file-invalid` when it is no capture.
 * A file that ends in the middle gives what it has, and then a warning. Payloads stay valid.
 */
export async function* readCaptureFile(
  path: string,
  options: CaptureFileOptions = {},
): AsyncGenerator<Datagram, void, void> {
  yield* readCapture(await openByteSource(path), path, options);
}

/** The same from a stream, as it comes; `name` stands for it in messages. */
export function readCaptureStream(
  name: string,
  stream: AsyncIterable<Uint8Array>,
  options: CaptureFileOptions = {},
): AsyncGenerator<Datagram, void, void> {
  return readCapture(openByteStream(name, stream), name, options);
}

async function* readCapture(
  source: ByteSource,
  path: string,
  { onWarning = () => {}, onProgress }: CaptureFileOptions,
): AsyncGenerator<Datagram, void, void> {
  const fragments = createIpFragments();
  const warnOfLinkType = createLinkTypeWarning(path, onWarning);
  try {
    for await (const packet of readPackets(source, path, onWarning)) {
      onProgress?.(source.position, source.size);
      const ipAt = findIpHeader(packet.linkType, packet.bytes);
      if (ipAt === undefined) warnOfLinkType(packet.linkType);
      else if (ipAt >= 0) {
        const datagram = toDatagram(packet, ipAt, fragments);
        if (datagram !== undefined) yield datagram;
      }
    }
  } finally {
    await source.close();
  }
}

/** Once per link type: a pcapng file may hold several, and millions of packets. */
function createLinkTypeWarning(path: string, onWarning: OnWarning): (linkType: number) => void {
  const warned = new Set<number>();
  return (linkType) => {
    if (warned.has(linkType)) return;
    warned.add(linkType);
    onWarning(
      `${path}: packets of link type ${linkType} are skipped; weir reads Ethernet, Linux cooked, raw IP, loopback`,
    );
  };
}
