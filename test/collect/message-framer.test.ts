import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMessageFramer } from '../../src/collect/message-framer.ts';
import { ipfix } from '../decode/datagram-builder.ts';

const message = fc
  .oneof(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ minLength: 60, maxLength: 3000 }))
  .map((body) => ipfix([body]));

/** Cuts bytes at these places. */
function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...places, bytes.length].map((end, index) => bytes.subarray(places[index - 1] ?? 0, end));
}

/** Pushes copies that are overwritten afterwards, as a socket's buffers may be. */
function feed(chunks: readonly Buffer[]): { messages: string[]; mistake: string | undefined; pending: number } {
  const messages: string[] = [];
  const framer = createMessageFramer((bytes) => messages.push(bytes.toString('hex')));
  for (const chunk of chunks) {
    const copy = Buffer.from(chunk);
    const mistake = framer.push(copy);
    copy.fill(0xee);
    if (mistake !== undefined) return { messages, mistake, pending: framer.pendingBytes };
  }
  return { messages, mistake: undefined, pending: framer.pendingBytes };
}

describe('the framing of IPFIX messages in a stream', () => {
  it('gives the same messages however the stream is split into chunks', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 30 }), (messages, cuts) => {
        expect(feed(split(Buffer.concat(messages), cuts))).toEqual({
          messages: messages.map((bytes) => bytes.toString('hex')),
          mistake: undefined,
          pending: 0,
        });
      }),
    );
  });

  it('gives the same messages byte by byte', () => {
    const messages = [ipfix([]), ipfix([Buffer.alloc(300, 7)]), ipfix([])];
    const bytes = Buffer.concat(messages);
    const chunks = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
    expect(feed(chunks).messages).toEqual(messages.map((each) => each.toString('hex')));
  });

  it('takes the longest message there can be, 65,535 bytes', () => {
    const longest = ipfix([Buffer.alloc(65_535 - 16, 1)]);
    expect(longest.readUInt16BE(2)).toBe(65_535);
    expect(feed(split(Buffer.concat([longest, longest]), [40_000, 70_000]))).toMatchObject({
      messages: [longest.toString('hex'), longest.toString('hex')],
      pending: 0,
    });
  });

  it('keeps what is not whole, and says how much that is', () => {
    const bytes = ipfix([Buffer.alloc(84)]);
    for (const cut of [1, 3, 4, 15, 16, 99]) {
      expect(feed([bytes.subarray(0, cut)])).toEqual({ messages: [], mistake: undefined, pending: cut });
    }
  });

  it.each([
    ['NetFlow v9', '0009000100000000', 'no IPFIX message: version 9 instead of 10'],
    [
      'a length below the header',
      '000a000f00000000',
      'an IPFIX message says that it has 15 bytes: its header alone has 16',
    ],
    ['a length of nothing', '000a000000000000', 'an IPFIX message says that it has 0 bytes: its header alone has 16'],
    ['a TLS handshake', '16030100c8010000', 'a TLS handshake on a port without TLS: give the port as tls://'],
    ['HTTP', '474554202f204854', 'no IPFIX message: version 18245 instead of 10'],
  ])('refuses %s, after the messages before it, however it is split', (_title, hex, mistake) => {
    const good = ipfix([Buffer.alloc(8)]);
    const stream = Buffer.concat([good, Buffer.from(hex, 'hex')]);
    for (let cut = 0; cut < stream.length; cut += 1) {
      expect(feed(split(stream, [cut]))).toMatchObject({ messages: [good.toString('hex')], mistake });
    }
  });

  it('reads any bytes to an end: whole messages, one that is not whole, or a mistake', () => {
    const start = fc.constantFrom('000a', '000a0010', '000a0014', '000affff', '000a0000', '00', '');
    fc.assert(
      fc.property(fc.array(fc.tuple(start, fc.uint8Array({ maxLength: 40 })), { maxLength: 10 }), (parts) => {
        const stream = Buffer.concat(parts.flatMap(([hex, rest]) => [Buffer.from(hex, 'hex'), rest]));
        const { messages, mistake, pending } = feed(split(stream, [7, 19, 40]));
        const taken = messages.reduce((sum, hex) => sum + hex.length / 2, 0);
        if (mistake === undefined) expect(taken + pending).toBe(stream.length);
        else expect(taken).toBeLessThan(stream.length);
        expect(messages.join('')).toBe(stream.toString('hex', 0, taken));
      }),
    );
  });
});
