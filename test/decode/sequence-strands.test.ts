// Several exporters behind one address: named when they are, and never for what networks and exporters do otherwise.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecoder } from '../../src/decode/decoder.ts';
import { createInformationElements } from '../../src/decode/information-elements.ts';
import type { Protocol } from '../../src/model/record.ts';
import { ipfix, ipfixTemplate, netflow5, netflow9, set } from './datagram-builder.ts';
import { uint32s } from './sflow-datagram.ts';

const elements = createInformationElements();
const startMs = 1_700_000_000_000;
const trap = 'several counters take turns: several exporters behind one address';
const protocols = ['netflow5', 'netflow9', 'ipfix', 'sflow5'] as const;
const recordsEach = 20;
const template = ipfixTemplate({ id: 256, fields: [{ id: 8, length: 4 }] });

interface Sent {
  readonly sequence: number;
  readonly atMs: number;
  readonly bootedAtMs: number;
}

function toPayload(protocol: Protocol, { sequence, atMs, bootedAtMs }: Sent): Buffer {
  const sysUptimeMs = (atMs - bootedAtMs) % 2 ** 32;
  const exportSeconds = Math.floor(atMs / 1000);
  const sets = [set(2, template), set(256, Buffer.alloc(recordsEach * 4, 1))];
  if (protocol === 'netflow5') {
    const records = Array.from({ length: recordsEach }, () => Buffer.alloc(48));
    return netflow5(records, { sequence, sysUptimeMs, seconds: exportSeconds });
  }
  if (protocol === 'netflow9') return netflow9(sets, { sequence, sysUptimeMs, exportSeconds, count: recordsEach });
  if (protocol === 'ipfix') return ipfix(sets, { sequence, exportSeconds });
  return uint32s(5, 1, 0xc000_0207, 0, sequence, sysUptimeMs, 0);
}

/** An exporter that sends a datagram every `everyMs`. */
function createExporter(protocol: Protocol, first: number, bootedAtMs: number, everyMs: number) {
  let sequence = first;
  let atMs = startMs;
  return {
    next(): Sent {
      const sent = { sequence, atMs, bootedAtMs };
      sequence = (sequence + (protocol === 'netflow5' || protocol === 'ipfix' ? recordsEach : 1)) >>> 0;
      atMs += everyMs;
      return sent;
    },
    restart() {
      sequence = 0;
      bootedAtMs = atMs;
    },
    get atMs() {
      return atMs;
    },
  };
}

function troubleOf(protocol: Protocol, sent: readonly Sent[]) {
  const decoder = createDecoder({ onFault: () => {}, elements });
  for (const each of sent) {
    decoder.decode({
      payload: toPayload(protocol, each),
      exporter: '172.17.0.1',
      exporterPort: 1,
      receivedAtMs: each.atMs,
    });
  }
  const [report, ...others] = [...decoder.sequences()];
  expect(others).toEqual([]);
  return report?.trouble;
}

/** What several exporters send, by time. */
function interleave(exporters: readonly ReturnType<typeof createExporter>[], datagrams: number): Sent[] {
  const sent: Sent[] = [];
  while (sent.length < datagrams) {
    sent.push(exporters.reduce((one, other) => (other.atMs < one.atMs ? other : one)).next());
  }
  return sent;
}

describe.each(protocols)('%s from several exporters behind one address', (protocol) => {
  it('is named within a hundred datagrams, whatever their paces', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 5, max: 200 }),
        fc.integer({ min: 5, max: 200 }),
        fc.integer({ min: 100_000, max: 4_000_000_000 }),
        (onePace, otherPace, apart) => {
          const one = createExporter(protocol, 1000, startMs - 3_600_000, onePace);
          const other = createExporter(protocol, 1000 + apart, startMs - 90_000_000, otherPace);
          const slower = Math.max(onePace, otherPace) / Math.min(onePace, otherPace);
          expect(troubleOf(protocol, interleave([one, other], Math.ceil(50 * (slower + 1))))).toBe(trap);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('is named though the network loses a tenth', () => {
    const three = [7, 500_000, 90_000_000].map((first, i) =>
      createExporter(protocol, first, startMs - (i + 1) * 5_000_000, 40 + 3 * i),
    );
    const random = createRandom(7);
    expect(
      troubleOf(
        protocol,
        interleave(three, 600).filter(() => random() > 0.1),
      ),
    ).toBe(trap);
  });

  it('is pardoned some time after one of them has gone', () => {
    const one = createExporter(protocol, 1000, startMs - 3_600_000, 500);
    const other = createExporter(protocol, 3_000_000, startMs - 90_000_000, 500);
    const both = interleave([one, other], 200);
    const alone = Array.from({ length: 1500 }, () => one.next());
    expect(troubleOf(protocol, [...both, ...alone.slice(0, 100)])).toBe(trap);
    expect(troubleOf(protocol, [...both, ...alone])).toBeUndefined();
  });
});

describe.each(protocols)('%s from one exporter is not taken for several', (protocol) => {
  const exporter = () => createExporter(protocol, 5000, startMs - 3_600_000, 10);
  const session = (count: number): Sent[] => {
    const one = exporter();
    return Array.from({ length: count }, () => one.next());
  };

  it('when the network shuffles and loses', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 400 }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        (seed, disorder, loss) => {
          const random = createRandom(seed);
          const sent = session(800)
            .filter(() => random() >= loss)
            .map((each, i) => ({ each, at: i + random() * disorder }))
            .toSorted((a, b) => a.at - b.at)
            .map(({ each }) => each);
          expect(troubleOf(protocol, sent)).not.toBe(trap);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('when each second datagram takes a longer way', () => {
    for (const lag of [1, 20, 40, 300]) {
      const sent = session(1500)
        .map((each, i) => ({ each, at: i % 2 === 0 ? i : i + lag }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ each }) => each);
      expect(troubleOf(protocol, sent)).not.toBe(trap);
    }
  });

  it('when every datagram comes twice', () => {
    const sent = session(600);
    const late = [...sent.slice(0, 30), ...sent.slice(30).flatMap((each, i) => [each, sent[i]!]), ...sent.slice(-30)];
    expect(troubleOf(protocol, late)).not.toBe(trap);
    expect(
      troubleOf(
        protocol,
        sent.flatMap((each) => [each, each]),
      ),
    ).not.toBe(trap);
  });

  it('when it restarts again and again', () => {
    const one = exporter();
    const sent: Sent[] = [];
    for (let life = 0; life < 40; life++) {
      for (let i = 0; i < 5 + (life % 7) * 9; i++) sent.push(one.next());
      one.restart();
    }
    expect(troubleOf(protocol, sent)).not.toBe(trap);
  });

  it('when its numbers are nonsense', () => {
    const random = createRandom(3);
    const sent = session(500);
    expect(
      troubleOf(
        protocol,
        sent.map((each) => ({ ...each, sequence: 0 })),
      ),
    ).not.toBe(trap);
    expect(
      troubleOf(
        protocol,
        sent.map((each) => ({ ...each, sequence: (random() * 2 ** 32) >>> 0 })),
      ),
    ).not.toBe(trap);
    expect(
      troubleOf(
        protocol,
        sent.map((each, i) => ({ ...each, sequence: i * 7919 })),
      ),
    ).not.toBe(trap);
  });
});

function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
