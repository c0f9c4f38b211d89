// Records as people write them in pipeline files and step examples.

import { describe, expect, test } from 'vitest';
import { toTestBatch, valueAtPath } from '../../src/enrich/test-record.ts';
import { WeirError } from '../../src/model/errors.ts';

function valuesOf(fields: Record<string, unknown>): unknown[] {
  const { layouts, sets } = toTestBatch({ protocol: 'ipfix', fields });
  return (layouts[0]?.columns ?? []).map(({ type }, index) => [type, sets[0]?.rows[0]?.[index]]);
}

test('readable values become what decode makes of the wire', () => {
  expect(
    valuesOf({
      octetDeltaCount: 100,
      postOctetDeltaCount: '18446744073709551615',
      reverseOctetDeltaCount: 3,
      sourceIPv4Address: '10.0.0.1',
      sourceIPv6Address: '2001:DB8:0:0::1',
      sourceMacAddress: '00:00:5e:00:53:01',
      flowStartMilliseconds: '2026-01-01T00:00:00.250Z',
      dataRecordsReliability: true,
      applicationId: '0D0001c5',
      userName: 'alice',
      tcpControlBits: [2, 16],
      vlanId: null,
      'weir.samplingInterval': 10,
      'v9:33002': 1,
      '9999/1': 'text',
      'sflow.drops': 2,
      'sflow.tcp_info.rtt': 7,
      'sflow.tunnel': 'vxlan',
    }),
  ).toEqual([
    ['number', 100],
    ['number', '18446744073709551615'],
    ['number', 3],
    ['ipv4', 167_772_161],
    ['ipv6', '2001:db8::1'],
    ['mac', 0x00_00_5e_00_53_01],
    ['time', Date.UTC(2026, 0, 1) + 250],
    ['boolean', true],
    ['bytes', '0d0001c5'],
    ['text', 'alice'],
    ['number', [2, 16]],
    ['number', null],
    ['number', 10],
    ['number', 1],
    ['text', 'text'],
    ['number', 2],
    ['number', 7],
    ['text', 'vxlan'],
  ]);
});

test('the header is that of the protocol, with the parts that are given', () => {
  const batch = toTestBatch({ protocol: 'netflow9', exporter: '192.0.2.9', fields: {}, header: { sysUptimeMs: 5 } });
  expect(batch.sets[0]?.header).toMatchObject({ exporter: '192.0.2.9', setId: 256, sysUptimeMs: 5 });
  expect(toTestBatch({ protocol: 'netflow5', fields: {} }).sets[0]?.header.setId).toBeNull();
});

test('records with other fields have other layouts', () => {
  const idOf = (fields: Record<string, unknown>) => toTestBatch({ protocol: 'ipfix', fields }).layouts[0]?.id;
  expect(idOf({ vlanId: 1 })).not.toBe(idOf({ ipVersion: 1 }));
  expect(idOf({ vlanId: 1 })).toBe(idOf({ vlanId: 2 }));
});

describe('a mistake names the field and what was expected', () => {
  test.each([
    [
      { sourceIPv4Adress: '10.0.0.1' },
      'field "sourceIPv4Adress": no information element has this name; did you mean "sourceIPv4Address"?',
    ],
    [{ sourceIPv4Address: '10.0.0' }, 'field "sourceIPv4Address": expected an IPv4 address, got "10.0.0"'],
    [{ sourceIPv4Address: 10 }, 'field "sourceIPv4Address": expected an IPv4 address, got 10'],
    [{ sourceIPv6Address: '10.0.0.1' }, 'field "sourceIPv6Address": expected an IPv6 address, got "10.0.0.1"'],
    [
      { octetDeltaCount: 'many' },
      'field "octetDeltaCount": expected a number, or an integer beyond 2^53 as text, got "many"',
    ],
    [
      { octetDeltaCount: [1, true] },
      'field "octetDeltaCount": expected a number, or an integer beyond 2^53 as text, got [1,true]',
    ],
    [
      { sourceMacAddress: '1:2:3' },
      'field "sourceMacAddress": expected a MAC address such as 00:00:5e:00:53:01, got "1:2:3"',
    ],
    [{ flowEndSeconds: 'today' }, 'field "flowEndSeconds": expected a time such as 2026-01-01T00:00:00Z, got "today"'],
    [{ applicationId: 'xyz' }, 'field "applicationId": expected bytes as hex digits, got "xyz"'],
    [{ dataRecordsReliability: 1 }, 'field "dataRecordsReliability": expected true or false, got 1'],
    [{ userName: { a: 1 } }, 'field "userName": expected text, got {"a":1}'],
  ])('%j', (fields, message) => {
    const attempt = () => toTestBatch({ protocol: 'ipfix', fields });
    expect(attempt).toThrow(WeirError);
    expect(attempt).toThrow(message);
  });
});

test('a path leads through objects, own properties only', () => {
  const document = { flow: { bytes: 1, dst_geo_location: { lat: 2 }, tcp_flags: ['ACK'] } };
  expect(valueAtPath(document, 'flow.bytes')).toBe(1);
  expect(valueAtPath(document, 'flow.dst_geo_location.lat')).toBe(2);
  expect(valueAtPath(document, 'flow.tcp_flags')).toEqual(['ACK']);
  expect(valueAtPath(document, 'flow.packets')).toBeUndefined();
  expect(valueAtPath(document, 'flow.bytes.x')).toBeUndefined();
  expect(valueAtPath(document, 'constructor.name')).toBeUndefined();
  expect(valueAtPath(null, 'flow')).toBeUndefined();
});
