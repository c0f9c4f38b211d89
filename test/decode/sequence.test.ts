// Sequence accounting against simulated exporters and networks: what is counted as lost is what the network really lost, whatever
// it does to the order, and what can't be known is not told as loss.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecoder, type DecoderLimits } from '../../src/decode/decoder.ts';
import { createInformationElements } from '../../src/decode/information-elements.ts';
import type { Protocol } from '../../src/model/record.ts';
import type { SequenceChange, SequenceReport } from '../../src/model/sequence.ts';
import { ipfix, ipfixTemplate, netflow5, netflow9, netflow9Template, set } from './datagram-builder.ts';
import { opaque, uint32s } from './sflow-datagram.ts';

const elements = createInformationElements();
const bootMs = 1_700_000_000_000;
const fields = [
  { id: 8, length: 4 },
  { id: 12, length: 4 },
];
const recordBytes = 8;
const protocols: readonly Protocol[] = ['netflow5', 'netflow9', 'ipfix', 'sflow5'];

interface Sent {
  readonly protocol: Protocol;
  readonly sequence: number;
  readonly records: number;
  /** Milliseconds since 1970 at which the exporter sends it; it has run since `bootedAtMs`. */
  readonly atMs: number;
  readonly bootedAtMs?: number;
  readonly domain?: number;
  readonly optionsRecords?: number;
  readonly template?: number;
}

function toPayload(sent: Sent): Buffer {
  const {
    protocol,
    sequence,
    records,
    atMs,
    bootedAtMs = bootMs,
    domain = 7,
    optionsRecords = 0,
    template = 256,
  } = sent;
  const sysUptimeMs = (atMs - bootedAtMs) % 2 ** 32;
  const exportSeconds = Math.floor(atMs / 1000);
  const sets = [set(template, Buffer.alloc(records * recordBytes, 1))];
  if (optionsRecords > 0) sets.push(set(300, Buffer.alloc(optionsRecords * recordBytes, 1)));
  switch (protocol) {
    case 'netflow5': {
      const bodies = Array.from({ length: records }, () => Buffer.alloc(48));
      return netflow5(bodies, { sequence, sysUptimeMs, seconds: exportSeconds, engineId: domain });
    }
    case 'netflow9':
      return netflow9(sets, { sequence, sysUptimeMs, exportSeconds, domain, count: records + optionsRecords });
    case 'ipfix':
      return ipfix(sets, { sequence, exportSeconds, domain });
    case 'sflow5': {
      // Counter samples without counters: enough to be samples.
      const samples = Array.from({ length: records }, () => opaque(2, uint32s(1, 3, 0)));
      return Buffer.concat([uint32s(5, 1, 0xc000_0207, domain, sequence, sysUptimeMs, records), ...samples]);
    }
  }
}

interface Totals {
  lost: number;
  reordered: number;
  duplicated: number;
  restarted: number;
  unusable: number;
  readonly troubles: string[];
}

function createAccount(limits: Partial<DecoderLimits> = {}) {
  const totals: Totals = { lost: 0, reordered: 0, duplicated: 0, restarted: 0, unusable: 0, troubles: [] };
  let mostLost = 0;
  const decoder = createDecoder({
    onFault: () => {},
    elements,
    limits,
    onSequence(change: SequenceChange) {
      for (const key of ['lost', 'reordered', 'duplicated', 'restarted', 'unusable'] as const)
        totals[key] += change[key];
      mostLost = Math.max(mostLost, totals.lost);
      if (change.unusable === 1) totals.troubles.push(`${change.trouble}`);
    },
  });
  const receive = (payload: Buffer, receivedAtMs: number, exporter = '192.0.2.1'): void => {
    decoder.decode({ payload, exporter, exporterPort: 2055, receivedAtMs });
  };
  /** Brings the templates in the datagram before the one with number `next`. */
  function teach(protocol: Protocol, next: number, domain = 7): void {
    const options = { id: 300, fields, scopeCount: 1 };
    const exportSeconds = bootMs / 1000 + 60;
    if (protocol === 'ipfix') {
      const sets = [set(2, ipfixTemplate({ id: 256, fields })), set(3, ipfixTemplate(options))];
      receive(ipfix(sets, { sequence: next, domain, exportSeconds }), bootMs + 60_000);
    } else if (protocol === 'netflow9') {
      const sets = [set(0, netflow9Template({ id: 256, fields })), set(1, netflow9Template(options))];
      const sequence = (next - 1) >>> 0;
      receive(netflow9(sets, { sequence, domain, exportSeconds, sysUptimeMs: 60_000, count: 2 }), bootMs + 60_000);
    }
  }
  const send = (session: readonly Sent[]): void => {
    for (const sent of session) receive(toPayload(sent), sent.atMs + 3);
  };
  const report = (): SequenceReport => [...decoder.sequences()][0]!;
  return { totals, receive, send, teach, report, decoder, mostLost: () => mostLost };
}

const none: Totals = { lost: 0, reordered: 0, duplicated: 0, restarted: 0, unusable: 0, troubles: [] };
const startMs = bootMs + 61_000;

const unitsOf = (protocol: Protocol, records: number): number =>
  protocol === 'netflow5' || protocol === 'ipfix' ? records : 1;

/** Datagrams in the order in which they are sent, numbered from `first` as the protocol says, 20 ms apart. */
function toSession(protocol: Protocol, counts: readonly number[], first: number, more: Partial<Sent> = {}): Sent[] {
  let sequence = first;
  return counts.map((records, i) => {
    const sent: Sent = { protocol, sequence, records, ...more, atMs: (more.atMs ?? startMs) + i * 20 };
    sequence = (sequence + unitsOf(protocol, records)) >>> 0;
    return sent;
  });
}

/** 1 to 7 records a datagram. */
const toCounts = (length: number): number[] => Array.from({ length }, (_, i) => (i % 7) + 1);

/** As many datagrams as in `counts`, whose number grows by what `grow` says of each and the one before it. */
function toOddSession(
  protocol: Protocol,
  counts: readonly number[],
  grow: (before: number, now: number) => number,
  more: Partial<Sent> = {},
): Sent[] {
  let sequence = more.sequence ?? 0;
  return counts.map((records, i) => {
    if (i > 0) sequence += grow(counts[i - 1]!, records);
    return { protocol, records, ...more, sequence, atMs: (more.atMs ?? startMs) + i * 20 };
  });
}

describe.each(protocols)('sequence numbers of %s', (protocol) => {
  it('give no loss where every datagram comes in its turn, and count what was received', () => {
    const { totals, send, teach, report } = createAccount();
    teach(protocol, 1);
    const counts = toCounts(40);
    send(toSession(protocol, counts, 1));
    expect(totals).toEqual(none);
    const templateDatagram = protocol === 'netflow9' ? 1 : 0;
    const received = counts.reduce((sum, count) => sum + unitsOf(protocol, count), templateDatagram);
    expect(report()).toMatchObject({ protocol, domain: 7, received, lost: 0, trouble: undefined });
  });

  it('tell exactly what was lost, for any loss, doubling and order within the window, also across a wrap', () => {
    const datagram = fc.record({
      records: fc.integer({ min: 1, max: 9 }),
      fate: fc.constantFrom('comes', 'comes', 'comes', 'comes', 'lost', 'twice'),
      delay: fc.integer({ min: 0, max: 8 }),
      twinDelay: fc.integer({ min: 0, max: 8 }),
    });
    const first = fc.constantFrom(1, 77, 2 ** 31 - 20, 2 ** 32 - 30);
    fc.assert(
      fc.property(fc.array(datagram, { minLength: 1, maxLength: 60 }), first, (middle, first) => {
        const quiet = toCounts(12).map((records) => ({ records, fate: 'comes', delay: 0, twinDelay: 0 }));
        const all = [...quiet, ...middle, ...quiet];
        const counts = all.map(({ records }) => records);
        const session = toSession(protocol, counts, first);
        const arrivals = all
          .flatMap(({ fate, delay, twinDelay }, index) => [
            ...(fate === 'lost' ? [] : [{ at: index + delay, index }]),
            ...(fate === 'twice' ? [{ at: index + twinDelay, index }] : []),
          ])
          .sort((a, b) => a.at - b.at);

        const { totals, receive, teach } = createAccount();
        teach(protocol, first);
        let newest = -1;
        const seen = new Set<number>();
        const expected = { ...none };
        for (const { at, index } of arrivals) {
          receive(toPayload(session[index]!), startMs + at * 20 + 3);
          if (seen.has(index)) expected.duplicated++;
          else if (index < newest) expected.reordered++;
          seen.add(index);
          newest = Math.max(newest, index);
        }
        for (const { fate, records } of all) if (fate === 'lost') expected.lost += unitsOf(protocol, records);
        expect(totals).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it('begin anew after a restart, without loss for the numbers between', () => {
    const lives = fc.record({
      before: fc.integer({ min: 1, max: 50 }),
      firstBefore: protocol === 'ipfix' ? fc.integer({ min: 100, max: 2 ** 32 - 200_000 }) : fc.nat(2 ** 32 - 1),
      after: fc.integer({ min: 1, max: 50 }),
      // Without an uptime only a number that goes back, or is far away, tells of a restart.
      firstAfter: protocol === 'ipfix' ? fc.constantFrom(0, 1) : fc.nat(2 ** 32 - 1),
    });
    fc.assert(
      fc.property(lives, ({ before, firstBefore, after, firstAfter }) => {
        const { totals, send, teach } = createAccount();
        teach(protocol, firstBefore);
        const first = toSession(protocol, toCounts(before), firstBefore);
        send(first);
        const next = (first.at(-1)!.sequence + unitsOf(protocol, first.at(-1)!.records)) >>> 0;
        fc.pre(firstAfter !== next);
        send(
          toSession(protocol, toCounts(after), firstAfter, { atMs: startMs + 40_000, bootedAtMs: startMs + 39_000 }),
        );
        expect(totals).toEqual({ ...none, restarted: 1 });
      }),
      { numRuns: 100 },
    );
  });

  it('that jump by billions tell of a restart, not of billions lost', () => {
    const { totals, send, teach, mostLost } = createAccount();
    teach(protocol, 5);
    send(toSession(protocol, toCounts(20), 5));
    send(toSession(protocol, toCounts(20), 2_000_000_000, { atMs: startMs + 1000 }));
    expect(totals).toEqual({ ...none, restarted: 1 });
    expect(mostLost()).toBe(0);
  });

  it('that are always 0 are unusable, and never shown as loss', () => {
    const { totals, send, teach, report, mostLost } = createAccount();
    teach(protocol, protocol === 'netflow9' ? 1 : 0);
    send(toOddSession(protocol, toCounts(60), () => 0));
    expect(totals).toMatchObject({ lost: 0, restarted: 0, unusable: 1, troubles: ['they are always the same'] });
    expect(report().trouble).toBe('they are always the same');
    expect(mostLost()).toBe(0);
  });

  it('of two exporters behind one address are unusable, not endless restarts', () => {
    const { totals, send, teach } = createAccount();
    teach(protocol, 500_000_000);
    const [one, two] = [toSession(protocol, toCounts(100), 500_000_000), toSession(protocol, toCounts(100), 9)];
    send(one.flatMap((sent, i) => [sent, { ...two[i]!, atMs: sent.atMs + 5 }]));
    expect(totals).toMatchObject({ lost: 0, unusable: 1 });
    expect(totals.troubles[0]).toContain('several exporters behind one address');
    expect(totals.restarted).toBeLessThan(10);
  });

  it('that make sense again are used again', () => {
    const { totals, send, teach, report } = createAccount();
    teach(protocol, protocol === 'netflow9' ? 1 : 0);
    send(toOddSession(protocol, toCounts(30), () => 0));
    const session = toSession(protocol, toCounts(80), 1000, { atMs: startMs + 10_000 });
    send(session.filter((_, i) => i !== 70));
    expect(report().trouble).toBeUndefined();
    expect(totals).toMatchObject({ unusable: 0, lost: unitsOf(protocol, session[70]!.records) });
  });
});

describe('exporters that count otherwise than their protocol says', () => {
  it.each([
    ['netflow9', 'records', (before: number) => before, 'they count records, not datagrams'],
    [
      'netflow9',
      'records, those of this datagram included',
      (_: number, now: number) => now,
      'they count records, not datagrams',
    ],
    ['ipfix', 'messages', () => 1, 'they count datagrams, not records'],
    ['netflow5', 'datagrams', () => 1, 'they count datagrams, not records'],
    ['sflow5', 'samples', (before: number) => before, 'they count samples, not datagrams'],
  ] as const)('%s, %s: are unusable, and no loss is ever shown', (protocol, _, grow, trouble) => {
    const { totals, send, teach, mostLost } = createAccount();
    teach(protocol, 0);
    send(
      toOddSession(
        protocol,
        toCounts(80).map((count) => count + 1),
        grow,
      ),
    );
    expect(totals).toMatchObject({ lost: 0, restarted: 0, unusable: 1, troubles: [trouble] });
    expect(mostLost()).toBe(0);
  });

  it('one counter over several domains is unusable', () => {
    const { totals, send, teach, mostLost } = createAccount();
    for (const domain of [1, 2, 3]) teach('netflow9', domain, domain);
    send(
      Array.from(
        { length: 90 },
        (_, i) => toSession('netflow9', [2 + (i % 5)], 4 + i, { domain: (i % 3) + 1, atMs: startMs + i * 20 })[0]!,
      ),
    );
    expect(totals).toMatchObject({ lost: 0, unusable: 3 });
    expect(totals.troubles[0]).toBe('one counter serves several observation domains');
    expect(mostLost()).toBe(0);
  });

  it.each(['ipfix', 'netflow5'] as const)(
    '%s that counts the records of the datagram itself is told its true loss',
    (protocol) => {
      const { totals, send, teach } = createAccount();
      teach(protocol, 0);
      const counts = toCounts(60).map((count, i) => (i % 4 === 0 ? count + 9 : count));
      const session = toOddSession(protocol, counts, (_, now) => now, { sequence: 10 });
      send(session.filter((_, i) => i !== 30 && i !== 31));
      expect(totals).toEqual({ ...none, lost: counts[30]! + counts[31]! });
    },
  );

  it('softflowd leaves options records out and counts the records of the message itself', () => {
    const { totals, send, teach } = createAccount();
    teach('ipfix', 0);
    const session: Sent[] = [];
    let sequence = 0;
    toCounts(60).forEach((records, i) => {
      sequence += records;
      session.push({
        protocol: 'ipfix',
        records,
        sequence,
        atMs: startMs + i * 2000,
        optionsRecords: i % 10 === 0 ? 1 : 0,
      });
    });
    send(session.filter((_, i) => i !== 45));
    expect(totals).toEqual({ ...none, lost: session[45]!.records });
  });

  it('options records that IPFIX exporters do not count are no restart and no loss', () => {
    const { totals, send, teach } = createAccount();
    teach('ipfix', 0);
    const session: Sent[] = [];
    let sequence = 0;
    toCounts(90).forEach((count, i) => {
      const isOptions = i % 10 === 5;
      const records = isOptions ? 0 : count;
      session.push({
        protocol: 'ipfix',
        records,
        sequence,
        atMs: startMs + i * 2000,
        optionsRecords: isOptions ? 6 : 0,
      });
      sequence += records;
    });
    send(session.filter((_, i) => i !== 72));
    expect(totals).toEqual({ ...none, lost: session[72]!.records });
  });

  it('the uptime wraps after 49.7 days, which is no restart', () => {
    const { totals, send, teach } = createAccount();
    teach('netflow9', 3);
    const bootedAtMs = startMs - 2 ** 32 + 500;
    const session = toSession('netflow9', toCounts(60), 3, { bootedAtMs });
    send(session.filter((_, i) => i !== 24 && i !== 25 && i !== 26));
    expect(totals).toEqual({ ...none, lost: 3 });
  });

  it('a datagram of the life before, overtaken by the first ones after a restart, is late and no loss', () => {
    const { totals, send, teach } = createAccount();
    teach('netflow9', 1);
    const before = toSession('netflow9', toCounts(30), 1);
    const after = toSession('netflow9', toCounts(20), 0, { atMs: startMs + 30_000, bootedAtMs: startMs + 29_000 });
    send(before.slice(0, 29));
    send(after.slice(0, 3));
    send(before.slice(29).map((sent) => ({ ...sent })));
    send(after.slice(3));
    expect(totals).toMatchObject({ lost: 0, restarted: 1, unusable: 0 });
  });
});

describe('what is not known', () => {
  it('is the records of a set without a template: counting goes on behind it without loss', () => {
    const { totals, send, teach } = createAccount();
    teach('ipfix', 1);
    const session = toSession('ipfix', toCounts(60), 1);
    send(session.map((sent, i) => (i === 20 || i === 21 || i === 40 ? { ...sent, template: 999 } : sent)));
    expect(totals).toEqual(none);
  });

  it('is what went before the first datagram', () => {
    const { totals, send, teach } = createAccount();
    teach('netflow9', 800);
    send(toSession('netflow9', toCounts(9), 800));
    expect(totals.lost).toBe(0);
  });
});

describe('bounds', () => {
  it('a flood of addresses pushes out nobody who is counted', () => {
    const { receive, decoder, totals, teach } = createAccount({ sequences: 100 });
    teach('netflow5', 0);
    const session = toSession('netflow5', toCounts(40), 10);
    session.forEach((sent, i) => {
      if (i !== 30) receive(toPayload(sent), sent.atMs);
      for (let n = 0; n < 50; n++) receive(toPayload({ ...sent, domain: n }), sent.atMs, `10.9.${i}.${n}`);
    });
    expect([...decoder.sequences()].length).toBe(100);
    expect(totals.lost).toBe(session[30]!.records);
  });

  it('looking at the accounts changes nothing in them', () => {
    const { totals, receive, teach, decoder } = createAccount();
    teach('ipfix', 4);
    toSession('ipfix', toCounts(60), 4).forEach((sent, i) => {
      if (i !== 40) receive(toPayload(sent), sent.atMs);
      expect([...decoder.sequences()]).toHaveLength(1);
    });
    expect(totals).toEqual({ ...none, lost: toCounts(60)[40] });
  });

  it('any numbers and times end in counts that are no nonsense: nothing below zero', () => {
    const odd = fc.record({
      protocol: fc.constantFrom(...protocols),
      sequence: fc.oneof(fc.nat(50), fc.nat(2 ** 32 - 1)),
      records: fc.nat(5),
      optionsRecords: fc.nat(2),
      atMs: fc.integer({ min: bootMs, max: bootMs + 100_000 }),
      template: fc.constantFrom(256, 999),
    });
    fc.assert(
      fc.property(fc.array(odd, { maxLength: 80 }), (all) => {
        const { totals, receive, teach, decoder } = createAccount();
        teach('netflow9', 1);
        teach('ipfix', 1);
        for (const sent of all) receive(toPayload(sent), sent.atMs);
        const { troubles: _, ...counts } = totals;
        for (const count of Object.values(counts)) expect(count).toBeGreaterThanOrEqual(0);
        for (const { lost } of decoder.sequences()) expect(lost).toBeGreaterThanOrEqual(0);
        expect(totals.lost).toBe([...decoder.sequences()].reduce((sum, { lost }) => sum + lost, 0));
      }),
    );
  });
});
