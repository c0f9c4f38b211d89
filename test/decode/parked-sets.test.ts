import { describe, expect, it } from 'vitest';
import { createParkedSets } from '../../src/decode/parked-sets.ts';
import type { Fault } from '../../src/model/fault.ts';
import type { RecordHeader } from '../../src/model/record.ts';
import { ipfix, ipfixTemplate, netflow9, netflow9Template, set, uint } from './datagram-builder.ts';
import { createFeed } from './feed.ts';

const header = (exporter: string, receivedAtMs: number, setId = 256): RecordHeader => ({
  exporter,
  domain: 0,
  setId,
  receivedAtMs,
  exportedAtMs: 0,
  sequence: 0,
});

function createParked(limits: { maxBytes?: number; maxBytesPerExporter?: number } = {}) {
  const faults: Fault[] = [];
  const { maxBytes = 1e6, maxBytesPerExporter = 1e6 } = limits;
  const parked = createParkedSets({
    maxBytes,
    maxBytesPerExporter,
    maxAgeMs: 1000,
    onFault: (fault) => faults.push(fault),
  });
  return { parked, faults };
}

describe('data before its template', () => {
  it('is decoded when the template comes, under the header it came with, before later data', () => {
    const feed = createFeed();
    const data = (value: number) => set(256, uint(value, 4));
    expect(feed.sets(netflow9([data(1)], { sequence: 1, exportSeconds: 100 }), { receivedAtMs: 11 })).toEqual([]);
    expect(feed.sets(netflow9([data(2)], { sequence: 2, exportSeconds: 200 }), { receivedAtMs: 22 })).toEqual([]);
    expect(feed.faults).toEqual(['template-missing', 'template-missing']);
    const template = set(0, netflow9Template({ id: 256, fields: [{ id: 1, length: 4 }] }));
    const sets = feed.sets(netflow9([template, data(3)], { sequence: 3, exportSeconds: 300 }), { receivedAtMs: 33 });
    expect(sets.map(({ rows, header }) => [rows, header.sequence, header.exportedAtMs, header.receivedAtMs])).toEqual([
      [[[1]], 1, 100_000, 11],
      [[[2]], 2, 200_000, 22],
      [[[3]], 3, 300_000, 33],
    ]);
    expect(feed.sets(netflow9([template]))).toEqual([]);
  });

  it('is decoded when the template follows in the same datagram', () => {
    const feed = createFeed();
    const template = set(2, ipfixTemplate({ id: 256, fields: [{ id: 1, length: 4 }] }));
    expect(feed.records(ipfix([set(256, uint(1, 4)), template, set(256, uint(2, 4))]))).toEqual([
      { octetDeltaCount: 1 },
      { octetDeltaCount: 2 },
    ]);
  });

  it('waits for the template of its own exporter, protocol, domain and id', () => {
    const feed = createFeed();
    feed.sets(ipfix([set(256, uint(1, 4))], { domain: 1 }));
    const fields = [{ id: 1, length: 4 }];
    const template = (id: number) => set(2, ipfixTemplate({ id, fields }));
    expect(feed.sets(ipfix([template(257)], { domain: 1 }))).toEqual([]);
    expect(feed.sets(ipfix([template(256)], { domain: 2 }))).toEqual([]);
    expect(feed.sets(ipfix([template(256)], { domain: 1 }), { exporter: '192.0.2.2' })).toEqual([]);
    expect(feed.sets(netflow9([set(0, netflow9Template({ id: 256, fields }))], { domain: 1 }))).toEqual([]);
    expect(feed.records(ipfix([template(256)], { domain: 1 }))).toHaveLength(1);
  });

  it('does not depend on what becomes of the datagram’s memory', () => {
    const feed = createFeed();
    const payload = ipfix([set(256, uint(1, 4))]);
    feed.sets(payload);
    payload.fill(0xff);
    const template = set(2, ipfixTemplate({ id: 256, fields: [{ id: 1, length: 4 }] }));
    expect(feed.records(ipfix([template]))).toEqual([{ octetDeltaCount: 1 }]);
  });

  it('is given up when it is older than the limit', () => {
    const feed = createFeed({ parkedAgeMs: 1000 });
    feed.sets(ipfix([set(256, uint(1, 4))]), { receivedAtMs: 5000 });
    feed.sets(ipfix([set(256, uint(2, 4))]), { receivedAtMs: 5500 });
    feed.decoder.expire(6000);
    expect(feed.faults).toEqual(['template-missing', 'template-missing']);
    feed.decoder.expire(6001);
    expect(feed.faults).toEqual(['template-missing', 'template-missing', 'parked-expired']);
    const template = set(2, ipfixTemplate({ id: 256, fields: [{ id: 1, length: 4 }] }));
    expect(feed.records(ipfix([template]))).toEqual([{ octetDeltaCount: 2 }]);
  });
});

describe('parked sets', () => {
  it('come back in the order in which they came, once', () => {
    const { parked } = createParked();
    for (const value of [1, 2, 3]) parked.park('a', header('192.0.2.1', value), uint(value, 1));
    parked.park('b', header('192.0.2.1', 4), uint(4, 1));
    expect(parked.take('a').map(({ bytes }) => bytes[0])).toEqual([1, 2, 3]);
    expect(parked.take('a')).toEqual([]);
    expect(parked.size).toBe(1);
  });

  it('of one exporter displace only its own, oldest first', () => {
    const { parked, faults } = createParked({ maxBytesPerExporter: 5000 });
    parked.park('other', header('192.0.2.2', 0), Buffer.alloc(100));
    for (let i = 0; i < 5; i++) parked.park(`key${i}`, header('192.0.2.1', i, 256 + i), Buffer.alloc(1500));
    expect(parked.take('other')).toHaveLength(1);
    const left = [0, 1, 2, 3, 4].filter((i) => parked.take(`key${i}`).length > 0);
    expect(left).toEqual([3, 4]);
    expect(faults.map(({ code, exporter }) => [code, exporter])).toEqual(
      Array(3).fill(['parked-expired', '192.0.2.1']),
    );
    expect(faults[0]?.detail).toContain('256');
  });

  it('of all exporters stay below the limit in bytes, empty ones included', () => {
    const { parked, faults } = createParked({ maxBytes: 100_000 });
    for (let i = 0; i < 1000; i++) parked.park(`${i}`, header(`192.0.2.${i % 250}`, i), Buffer.alloc(1));
    expect(parked.size).toBeLessThan(250);
    expect(parked.size + faults.length).toBe(1000);
    expect(parked.take('999')).toHaveLength(1);
    expect(parked.take('0')).toEqual([]);
  });

  it('bigger than the limit are given up at once', () => {
    const { parked, faults } = createParked({ maxBytes: 1000 });
    parked.park('a', header('192.0.2.1', 0), Buffer.alloc(1001));
    expect([parked.size, faults.length]).toEqual([0, 1]);
  });
});
