import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createFrameReader,
  maxFrameBytes,
  writeBegin,
  writeDatagram,
  writeEnd,
} from '../../src/collect/datagram-frames.ts';
import type { Datagram } from '../../src/model/datagram.ts';

type Event = readonly ['begin', string] | readonly ['datagram', Datagram] | readonly ['end'];

const datagram = fc.record({
  payload: fc.uint8Array({ maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
  exporter: fc.oneof(fc.ipV4(), fc.ipV6(), fc.constant('fe80::1%a-long-interface')),
  exporterPort: fc.integer({ min: 0, max: 65_535 }),
  receivedAtMs: fc.double({ min: 0, max: 1e13, noNaN: true }),
});
const event = fc.oneof(
  fc.stringMatching(/^[\w-]{1,30}$/).map((id): Event => ['begin', id]),
  datagram.map((value): Event => ['datagram', value]),
  fc.constant<Event>(['end']),
);

function toBytes(events: readonly Event[]): Buffer {
  return Buffer.concat(
    events.map((written) => {
      const bytes = Buffer.alloc(maxFrameBytes);
      if (written[0] === 'begin') return bytes.subarray(0, writeBegin(bytes, 0, written[1]));
      if (written[0] === 'end') return bytes.subarray(0, writeEnd(bytes, 0));
      return bytes.subarray(0, writeDatagram(bytes, 0, written[1]));
    }),
  );
}

test('what is written is read, in order, however the stream cuts it', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 12 }), fc.integer({ min: 1, max: 5000 }), (events, piece) => {
      const read: Event[] = [];
      const reader = createFrameReader({
        onBegin: (id) => read.push(['begin', id]),
        // A view is valid until the call returns.
        onDatagram: (view) => read.push(['datagram', { ...view, payload: Buffer.from(view.payload) }]),
        onEnd: () => read.push(['end']),
      });
      const bytes = toBytes(events);
      for (let at = 0; at < bytes.length; at += piece) reader.read(bytes.subarray(at, at + piece));
      expect(read).toEqual(events);
    }),
    { numRuns: 100 },
  );
});

test('the largest datagram of UDP fits where maxFrameBytes are free', () => {
  const largest = {
    payload: Buffer.alloc(65_507),
    exporter: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    exporterPort: 1,
  };
  const end = writeDatagram(Buffer.alloc(maxFrameBytes), 0, { ...largest, receivedAtMs: 0 });
  expect(end).toBeLessThanOrEqual(maxFrameBytes);
});
