// From the bytes of an exporter to documents, where decode and enrich must agree: what options data told, events of firewalls, times.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDecoder } from '../../src/decode/decoder.ts';
import { createInformationElements } from '../../src/decode/information-elements.ts';
import { valueAtPath } from '../../src/enrich/test-record.ts';
import {
  type FieldSpec,
  ipfix,
  ipfixTemplate,
  netflow5,
  netflow5Record,
  netflow9,
  netflow9Template,
  set,
  uint,
  variable,
} from '../decode/datagram-builder.ts';
import { documentsOf } from './sample-document.ts';

const elements = createInformationElements();

/** The documents of the last datagram, after the ones before it. */
function documentsOfDatagrams(...datagrams: readonly Buffer[]): unknown[] {
  const decoder = createDecoder({ onFault: ({ detail }) => expect.fail(detail), elements });
  const feed = (payload: Buffer) =>
    decoder.decode({ payload, exporter: '192.0.2.1', exporterPort: 2055, receivedAtMs: 1_700_000_000_000 });
  const sets = datagrams.map(feed).at(-1) ?? [];
  const recordCount = sets.reduce((sum, { rows }) => sum + rows.length, 0);
  return documentsOf({
    id: 'wire',
    createdAtMs: 0,
    recordCount,
    byteSize: 0,
    layouts: sets.map(({ layout }) => layout),
    sets: sets.map(({ header, rows }, layout) => ({ layout, header, rows })),
  });
}

const field = (id: number, length: number): FieldSpec => ({ id, length });
const name = (value: string) => variable(Buffer.from(value));

describe('what options data told', () => {
  test('is in the documents of the flows after it: interface, application and VRF names, sampling', () => {
    const flows = ipfixTemplate({
      id: 256,
      fields: [field(8, 4), field(12, 4), field(10, 4), field(14, 4), field(95, 4), field(234, 4), field(1, 4)],
    });
    const flow = Buffer.from(
      '0a000001 0a000002 00000001 00000002 0d0001c5 60000001 00000064'.replaceAll(' ', ''),
      'hex',
    );
    const interfaces = ipfixTemplate({
      id: 300,
      fields: [field(10, 4), field(82, 65_535), field(83, 65_535)],
      scopeCount: 1,
    });
    const applications = ipfixTemplate({ id: 301, fields: [field(95, 4), field(96, 65_535)], scopeCount: 1 });
    const vrfs = ipfixTemplate({ id: 302, fields: [field(234, 4), field(236, 65_535)], scopeCount: 1 });
    const sampling = ipfixTemplate({ id: 303, fields: [field(149, 4), field(34, 4)], scopeCount: 1 });
    const [before] = documentsOfDatagrams(ipfix([set(2, flows), set(256, flow)]));
    expect(valueAtPath(before, 'flow')).toMatchObject({
      sampling_source: 'none',
      input_ifname: 'index: 1',
      output_ifname: 'index: 2',
      application: '13..453',
    });

    const [document] = documentsOfDatagrams(
      ipfix([set(2, flows), set(3, interfaces, applications, vrfs, sampling)]),
      ipfix([
        set(300, uint(1, 4), name('ge-0/0/1'), name('uplink'), uint(2, 4), name(''), name('to the lab')),
        set(301, Buffer.from('0d0001c5', 'hex'), name('youtube')),
        set(302, uint(0x60000001, 4), name('blue')),
        set(303, uint(0, 4), uint(500, 4)),
      ]),
      ipfix([set(256, flow)]),
    );
    expect(valueAtPath(document, 'flow')).toMatchObject({
      sampling_interval: 500,
      sampling_source: 'options',
      bytes: 100,
      input_snmp: 1,
      input_ifname: 'ge-0/0/1',
      output_snmp: 2,
      output_ifname: 'to the lab',
      application: 'youtube',
    });
    expect(valueAtPath(document, 'ipfix')).toMatchObject({
      ingressInterfaceDescription: 'uplink',
      applicationId: '13..453',
      ingressVRFID: 0x60000001,
      ingressVRFName: 'blue',
    });
  });
});

describe('lists in a record', () => {
  test('are stored as their values, or as one text where they are records', () => {
    const fields = [field(484, 65_535), field(292, 65_535), field(4, 1)];
    const communities = Buffer.concat([Buffer.from('0301e30004', 'hex'), uint(64_500 * 65_536 + 1, 4), uint(7, 4)]);
    const ports = Buffer.concat([Buffer.from('03012c', 'hex'), uint(80, 2), uint(443, 2)]);
    const [document] = documentsOfDatagrams(
      ipfix([
        set(2, ipfixTemplate({ id: 256, fields }), ipfixTemplate({ id: 300, fields: [field(7, 2)] })),
        set(256, variable(communities), variable(ports), uint(6, 1)),
      ]),
    );
    expect(valueAtPath(document, 'ipfix')).toMatchObject({
      bgpSourceCommunityList: [`${64_500 * 65_536 + 1}`, '7'],
      subTemplateList: '[{"sourceTransportPort":80},{"sourceTransportPort":443}]',
    });
  });
});

describe('events of a Cisco ASA (NSEL)', () => {
  const tuple = [
    field(148, 4),
    field(8, 4),
    field(7, 2),
    field(10, 2),
    field(12, 4),
    field(11, 2),
    field(14, 2),
    field(4, 1),
  ];
  const event = [field(233, 1), field(33_002, 2), field(323, 8)];
  const counters = [field(231, 4), field(232, 4), field(298, 4), field(299, 4)];
  const flow = Buffer.concat([
    ...[uint(4711, 4), uint(0x0a000001, 4), uint(40_000, 2), uint(3, 2)],
    ...[uint(0xc6336401, 4), uint(443, 2), uint(2, 2), uint(6, 1)],
  ]);
  const happened = (kind: number, extended: number) =>
    Buffer.concat([uint(kind, 1), uint(extended, 2), uint(1_700_000_000_250, 8)]);
  const templates = set(
    0,
    netflow9Template({ id: 256, fields: [...tuple, ...event] }),
    netflow9Template({ id: 257, fields: [...tuple, ...event, ...counters] }),
  );
  const common = {
    src_addr: '10.0.0.1',
    dst_addr: '198.51.100.1',
    src_port: 40_000,
    dst_port: 443,
    ip_protocol: 'TCP',
  };

  test.each([
    ['creation', 1, 0],
    ['denial', 3, 1001],
  ])('of a %s are documents without bytes', (_, kind, extended) => {
    const [document] = documentsOfDatagrams(netflow9([templates, set(256, flow, happened(kind, extended))]));
    const stored = valueAtPath(document, 'flow');
    expect(stored).toMatchObject({ ...common, input_snmp: 3, output_snmp: 2 });
    expect(stored).not.toHaveProperty('bytes');
    expect(stored).not.toHaveProperty('packets');
    expect(valueAtPath(document, 'netflow.event_time_msec')).toBe('2023-11-14T22:13:20.250Z');
    expect(Object.values(valueAtPath(document, 'netflow') as object)).toEqual(
      expect.arrayContaining([kind, extended, 4711]),
    );
  });

  test('of an update or a teardown have the bytes and packets of both directions since the event before', () => {
    const counts = [1500, 90_000, 10, 70].map((count) => uint(count, 4));
    const documents = documentsOfDatagrams(
      netflow9([templates]),
      netflow9([set(257, flow, happened(5, 0), ...counts, flow, happened(2, 2010), ...counts)]),
    );
    expect(documents.map((document) => valueAtPath(document, 'flow'))).toMatchObject([
      { ...common, bytes: 91_500, packets: 80 },
      { ...common, bytes: 91_500, packets: 80 },
    ]);
    const kept = documents.map((document) => Object.values(valueAtPath(document, 'netflow') as object));
    expect(kept).toEqual([expect.arrayContaining([5, 1500, 90_000]), expect.arrayContaining([2, 2010, 1500, 90_000])]);
  });
});

describe('the times of a flow', () => {
  /** Ages in ms: a flow may end a little after its datagram’s uptime, and be as old as half of the counter’s range. */
  const age = fc.oneof(fc.integer({ min: -10_000, max: 100_000 }), fc.integer({ min: -10_000, max: 2 ** 31 - 1 }));
  const uptime = fc.oneof(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
  const seconds = fc.integer({ min: 1_400_000_000, max: 2 ** 32 - 1 });

  test('of NetFlow v9 are exact to the millisecond across the wrap of the uptime', () => {
    const template = netflow9Template({ id: 256, fields: [field(22, 4), field(21, 4)] });
    fc.assert(
      fc.property(seconds, uptime, age, age, (exportSeconds, sysUptimeMs, first, last) => {
        const [firstUp, lastUp] = [first, last].map((old) => uint((sysUptimeMs - old) >>> 0, 4)) as [Buffer, Buffer];
        const header = { exportSeconds, sysUptimeMs };
        const [document] = documentsOfDatagrams(netflow9([set(0, template), set(256, firstUp, lastUp)], header));
        expect(valueAtPath(document, 'netflow')).toMatchObject({
          first_switched: new Date(exportSeconds * 1000 - first).toISOString(),
          last_switched: new Date(exportSeconds * 1000 - last).toISOString(),
        });
      }),
    );
  });

  test('of NetFlow v5 are so, too, with the nanoseconds of its header', () => {
    fc.assert(
      fc.property(
        seconds,
        fc.integer({ min: 0, max: 999_999_999 }),
        uptime,
        age,
        (second, nanoseconds, sysUptimeMs, old) => {
          const first = (sysUptimeMs - old) >>> 0;
          const record = netflow5Record([1, 2, 0, 1, 2, 1, 64, first, first, 1, 2, 0, 6, 0, 0, 0, 0, 0]);
          const [document] = documentsOfDatagrams(netflow5([record], { seconds: second, nanoseconds, sysUptimeMs }));
          const exportedAtMs = second * 1000 + Math.floor(nanoseconds / 1e6);
          expect(valueAtPath(document, 'netflow.first_switched')).toBe(new Date(exportedAtMs - old).toISOString());
        },
      ),
    );
  });
});
