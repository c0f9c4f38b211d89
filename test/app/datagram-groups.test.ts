import { describe, expect, test } from 'vitest';
import { createDatagramGroups } from '../../src/app/workers/datagram-groups.ts';
import { createFrameReader } from '../../src/collect/datagram-frames.ts';

const slab = 256 * 1024;

function open({ maxBytes = 8 * slab } = {}) {
  /** What came out, as a worker would read it: "<id" begins, numbers of datagrams, ">" ends. */
  let read: string[] = [];
  const givenUp: Record<string, number>[] = [];
  const newReader = () =>
    createFrameReader({
      onBegin: (id) => read.push(`<${id}`),
      onDatagram: ({ payload }) => read.push(`${payload.readUInt32BE(0)}`),
      onEnd: () => read.push('>'),
    });
  let reader = newReader();
  const groups = createDatagramGroups({
    maxBytes,
    idPrefix: 'g',
    send: (bytes) => reader.read(bytes),
    onGivenUp: (datagrams) => givenUp.push(Object.fromEntries(datagrams)),
  });
  let next = 0;
  return {
    groups,
    givenUp,
    add(bytes = 100, exporter = '192.0.2.1') {
      const payload = Buffer.alloc(bytes);
      payload.writeUInt32BE(next, 0);
      next += 1;
      return groups.add({ payload, exporter, exporterPort: 1, receivedAtMs: 0 }, 1000);
    },
    /** The worker dies, and another one is there. */
    replace() {
      groups.suspend();
      read = [];
      reader = newReader();
      groups.resume();
    },
    read: () => read.splice(0),
  };
}

describe('datagrams in groups', () => {
  test('are sent in order, with a beginning and an end', () => {
    const { groups, add, read } = open();
    groups.resume();
    add();
    add();
    groups.flush();
    expect(read()).toEqual(['<g0-', '0', '1']);
    add();
    groups.close();
    add();
    groups.flush();
    expect(read()).toEqual(['2', '>', '<g1-', '3']);
  });

  test('that a worker has not settled are given to the next one, whole and in order, and sent on from there', () => {
    const { groups, add, read, replace } = open();
    groups.resume();
    for (let group = 0; group < 3; group += 1) {
      add();
      groups.close();
    }
    add();
    groups.flush();
    groups.settle('g1-');
    add();
    replace();
    expect(read()).toEqual(['<g0-', '0', '>', '<g2-', '2', '>', '<g3-', '3', '4']);
    add();
    groups.close();
    expect(read()).toEqual(['5', '>']);
  });

  test('that come while no worker is there wait for it', () => {
    const { groups, add, read } = open();
    add();
    groups.flush();
    add();
    groups.close();
    expect(read()).toEqual([]);
    groups.resume();
    expect(read()).toEqual(['<g0-', '0', '1', '>']);
  });

  test('are refused when there is no room, and taken again when a group is settled', () => {
    const { groups, add } = open({ maxBytes: 2 * slab });
    groups.resume();
    let taken = 0;
    while (taken < 1000 && add(10_000)) taken += 1;
    // Each slab keeps room for the largest datagram, so that none is cut.
    expect(taken).toBeGreaterThan(30);
    expect(taken).toBeLessThan((2 * slab) / 10_000);
    expect(groups.unsettledBytes()).toBe(2 * slab);
    expect(add()).toBe(false);
    groups.close();
    groups.settle('g0-');
    expect(groups.unsettledBytes()).toBe(0);
    expect(add()).toBe(true);
  });

  test('end by themselves when they are large', () => {
    const { groups, add, read } = open({ maxBytes: 32 * slab });
    groups.resume();
    for (let count = 0; count < 300; count += 1) add(10_000);
    groups.close();
    const events = read();
    expect(events.filter((event) => event.startsWith('<')).length).toBeGreaterThan(2);
    expect(events.filter((event) => /^\d/.test(event))).toEqual(Array.from({ length: 300 }, (_, index) => `${index}`));
  });

  test('that three workers did not survive are given up, by exporter', () => {
    const { groups, add, read, replace, givenUp } = open();
    groups.resume();
    add();
    add(100, '192.0.2.2');
    add();
    groups.flush();
    replace();
    replace();
    expect(givenUp).toEqual([]);
    expect(read()).toEqual(['<g0-', '0', '1', '2']);
    replace();
    expect(givenUp).toEqual([{ '192.0.2.1': 2, '192.0.2.2': 1 }]);
    add();
    groups.flush();
    expect(read()).toEqual(['<g1-', '3']);
  });
});
