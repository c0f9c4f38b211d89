// What one process lost and the next one can tell, by where sequence numbers stood.

import { describe, expect, test } from 'vitest';
import { createNetflow5Exporter } from '../../src/app/demo/build-netflow5.ts';
import { createDecoder } from '../../src/decode/decoder.ts';
import type { SequencePosition } from '../../src/model/sequence.ts';
import { numberedFlow } from '../end-to-end/numbered-flows.ts';

const bootedAtMs = 1_700_000_000_000;
const startMs = bootedAtMs + 100_000;

function createListener() {
  const decoder = createDecoder({ onFault: () => undefined });
  return {
    decoder,
    take(payload: Buffer, receivedAtMs: number): void {
      decoder.decode({ payload, exporter: '192.0.2.1', exporterPort: 1, receivedAtMs });
      decoder.markReached();
    },
  };
}

function flows(count: number) {
  return Array.from({ length: count }, (_, number) => numberedFlow(number, startMs));
}

/** What the first listener had when it died: `handed` datagrams of 10 flows, each 100 ms after the other. */
function dieAfter(handed: number, exporter: ReturnType<typeof createNetflow5Exporter>): SequencePosition {
  const listener = createListener();
  for (let at = 0; at < handed; at += 1)
    listener.take(exporter.datagram(flows(10), startMs + at * 100), startMs + at * 100);
  const [position] = listener.decoder.takeReached();
  if (position === undefined) throw new Error('no position');
  return position;
}

describe('between two listeners', () => {
  test('is lost what was sent between the last datagram in safe hands and the first of the next listener', () => {
    const exporter = createNetflow5Exporter({ bootedAtMs });
    const former = dieAfter(5, exporter);
    for (let at = 5; at < 9; at += 1) exporter.datagram(flows(10), startMs + at * 100);
    const next = createListener();
    for (let at = 9; at < 14; at += 1) next.take(exporter.datagram(flows(10), startMs + at * 100), startMs + at * 100);
    expect(next.decoder.missedSince(former)).toEqual({ exporter: '192.0.2.1', unit: 'records', missed: 40 });
  });

  test('nothing is lost where the next datagram comes in its turn', () => {
    const exporter = createNetflow5Exporter({ bootedAtMs });
    const former = dieAfter(5, exporter);
    const next = createListener();
    for (let at = 5; at < 9; at += 1) next.take(exporter.datagram(flows(10), startMs + at * 100), startMs + at * 100);
    expect(next.decoder.missedSince(former)?.missed).toBe(0);
  });

  test('nothing is known before the exporter has been heard, and its numbers have proven to follow', () => {
    const exporter = createNetflow5Exporter({ bootedAtMs });
    const former = dieAfter(5, exporter);
    const next = createListener();
    expect(next.decoder.missedSince(former)).toBeUndefined();
    exporter.datagram(flows(10), startMs + 500);
    next.take(exporter.datagram(flows(10), startMs + 600), startMs + 600);
    expect(next.decoder.missedSince(former)).toBeUndefined();
  });

  test('an exporter that has restarted meanwhile has lost nothing that we could count', () => {
    const former = dieAfter(5, createNetflow5Exporter({ bootedAtMs }));
    const again = createNetflow5Exporter({ bootedAtMs: startMs + 60_000 });
    const next = createListener();
    for (let at = 0; at < 20; at += 1) {
      const atMs = startMs + 61_000 + at * 100;
      next.take(again.datagram(flows(10), atMs), atMs);
    }
    expect(next.decoder.missedSince(former)?.missed).toBe(0);
  });

  test('a datagram that was decoded and not marked is not in safe hands', () => {
    const exporter = createNetflow5Exporter({ bootedAtMs });
    const listener = createListener();
    for (let at = 0; at < 5; at += 1) listener.take(exporter.datagram(flows(10), startMs + at), startMs + at);
    const payload = exporter.datagram(flows(10), startMs + 5);
    listener.decoder.decode({ payload, exporter: '192.0.2.1', exporterPort: 1, receivedAtMs: startMs + 5 });
    expect(listener.decoder.takeReached()[0]?.next).toBe(50);
    expect(listener.decoder.takeReached()).toEqual([]);
  });
});
