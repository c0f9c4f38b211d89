import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { createDecoder } from '../../src/decode/decoder.ts';
import { createInformationElements } from '../../src/decode/information-elements.ts';
import type { FaultCode } from '../../src/model/fault.ts';
import { ipfix, ipfixTemplate, set, uint } from './datagram-builder.ts';
import { toRecords } from './feed.ts';

const elements = createInformationElements();

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

// IANA elements: 1 octetDeltaCount, 2 packetDeltaCount.
const octets = set(2, ipfixTemplate({ id: 256, fields: [{ id: 1, length: 4 }] }));
const packets = set(2, ipfixTemplate({ id: 256, fields: [{ id: 2, length: 4 }] }));
const withdrawal = set(2, uint(256, 2), uint(0, 2));
const data = (value: number) => set(256, uint(value, 4));

function setUp() {
  const faults: FaultCode[] = [];
  const decoder = createDecoder({ onFault: ({ code }) => faults.push(code), elements });
  const toDatagram = (...sets: Buffer[]) => ({
    payload: ipfix(sets),
    exporter: '192.0.2.1',
    exporterPort: 4739,
    receivedAtMs: 1_700_000_000_000,
  });
  return { decoder, faults, toDatagram };
}

describe('the decoder of a TCP session (RFC 7011 §8)', () => {
  it('keeps templates apart from those of other sessions and of UDP, of the same address, domain and id', () => {
    const { decoder, faults, toDatagram } = setUp();
    const one = decoder.openSession();
    const other = decoder.openSession();
    one.decode(toDatagram(octets));
    other.decode(toDatagram(packets));
    expect(toRecords(one.decode(toDatagram(data(1))))).toEqual([{ octetDeltaCount: 1 }]);
    expect(toRecords(other.decode(toDatagram(data(2))))).toEqual([{ packetDeltaCount: 2 }]);
    expect(faults).toEqual([]);
    expect(decoder.decode(toDatagram(data(3)))).toEqual([]);
    expect(faults).toEqual(['template-missing']);
  });

  it('names the records by the address of the exporter, as UDP does', () => {
    const { decoder, toDatagram } = setUp();
    const [first] = decoder.openSession().decode(toDatagram(octets, data(1)));
    expect(first?.header).toMatchObject({ exporter: '192.0.2.1', domain: 0, setId: 256 });
  });

  it('honours withdrawals and takes the id for something else', () => {
    const { decoder, faults, toDatagram } = setUp();
    const session = decoder.openSession();
    session.decode(toDatagram(octets, data(1), withdrawal));
    expect(session.decode(toDatagram(data(2)))).toEqual([]);
    expect(faults).toEqual(['template-missing']);
    expect(toRecords(session.decode(toDatagram(packets, data(3))))).toEqual([
      { packetDeltaCount: 2 },
      { packetDeltaCount: 3 },
    ]);
  });

  it('gives up at its end what waits for a template, and is in no saved state', () => {
    const { decoder, faults, toDatagram } = setUp();
    const session = decoder.openSession();
    session.decode(toDatagram(octets, data(1)));
    session.decode(ipfixOfAnotherDomain(toDatagram));
    expect(decoder.saveState()).toEqual(setUp().decoder.saveState());
    session.close();
    expect(faults).toEqual(['template-missing', 'parked-expired']);
  });

  it('bounds the templates of one connection without touching those of others', () => {
    const { decoder, faults, toDatagram } = setUp();
    decoder.decode(toDatagram(octets));
    const hostile = decoder.openSession();
    for (let id = 256; id < 3000; id += 1) {
      hostile.decode(toDatagram(set(2, ipfixTemplate({ id, fields: [{ id: 1, length: 1 + (id % 8) }] }))));
    }
    expect(new Set(faults)).toEqual(new Set(['template-limit']));
    expect(faults).toHaveLength(3000 - 256 - 500);
    hostile.close();
    expect(toRecords(decoder.decode(toDatagram(data(1))))).toEqual([{ octetDeltaCount: 1 }]);
  });

  it('leaves nothing behind: ten thousand connections one after the other cost no memory', () => {
    const { decoder, toDatagram } = setUp();
    const run = (times: number): number => {
      for (let at = 0; at < times; at += 1) {
        const session = decoder.openSession();
        // Each one new, for equal contents are shared.
        const fields = Array.from({ length: 50 }, (_, field) => ({ id: 1 + ((at * 7 + field) % 30_000), length: 4 }));
        session.decode(toDatagram(set(2, ipfixTemplate({ id: 256, fields }))));
        session.decode(toDatagram(set(300, Buffer.alloc(100))));
        session.close();
      }
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const before = run(1000);
    // 10,000 contents of templates that nobody has any more would be 15 MB.
    expect(run(10_000) - before).toBeLessThan(2_000_000);
  });
});

function ipfixOfAnotherDomain(toDatagram: (...sets: Buffer[]) => { payload: Buffer }) {
  const datagram = toDatagram(data(1));
  return {
    ...datagram,
    payload: ipfix([data(1)], { domain: 9 }),
    exporter: '192.0.2.1',
    exporterPort: 4739,
    receivedAtMs: 0,
  };
}
