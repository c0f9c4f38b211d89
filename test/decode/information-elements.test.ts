import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createInformationElements, type InformationElements } from '../../src/decode/information-elements.ts';

let elements: InformationElements;
beforeAll(() => {
  elements = createInformationElements();
});

describe('information elements', () => {
  it('have the names and types of RFC 7012 and the IANA registry', () => {
    expect(elements.ipfix(0, 1)).toEqual({ name: 'octetDeltaCount', encoding: 'unsigned' });
    expect(elements.ipfix(0, 8)).toEqual({ name: 'sourceIPv4Address', encoding: 'ipv4' });
    expect(elements.ipfix(0, 27)).toEqual({ name: 'sourceIPv6Address', encoding: 'ipv6' });
    expect(elements.ipfix(0, 56)).toEqual({ name: 'sourceMacAddress', encoding: 'mac' });
    expect(elements.ipfix(0, 82)).toEqual({ name: 'interfaceName', encoding: 'text' });
    expect(elements.ipfix(0, 150)).toEqual({ name: 'flowStartSeconds', encoding: 'seconds' });
    expect(elements.ipfix(0, 152)).toEqual({ name: 'flowStartMilliseconds', encoding: 'milliseconds' });
    expect(elements.ipfix(0, 154)).toEqual({ name: 'flowStartMicroseconds', encoding: 'microseconds' });
    expect(elements.ipfix(0, 156)).toEqual({ name: 'flowStartNanoseconds', encoding: 'nanoseconds' });
    expect(elements.ipfix(0, 276)).toEqual({ name: 'dataRecordsReliability', encoding: 'boolean' });
    expect(elements.ipfix(0, 291)).toEqual({ name: 'basicList', encoding: 'bytes' });
    expect(elements.ipfix(0, 311)).toEqual({ name: 'samplingProbability', encoding: 'float' });
    expect(elements.ipfix(0, 434)).toEqual({ name: 'mibObjectValueInteger', encoding: 'signed' });
  });

  it('keep their number where nobody has named them, and are bytes where nobody knows their type', () => {
    expect(elements.ipfix(0, 20_000)).toEqual({ name: 'iana:20000', encoding: 'bytes' });
    expect(elements.ipfix(4_000_000_000, 7)).toEqual({ name: '4000000000/7', encoding: 'bytes' });
    expect(elements.netflow9(32_001)).toEqual({ name: 'v9:32001', encoding: 'bytes' });
  });

  it('of vendors keep their number as name and have a type', () => {
    expect(elements.ipfix(10_704, 8)).toEqual({ name: '10704/8', encoding: 'ipv4' });
    expect(elements.netflow9(40_000)).toEqual({ name: 'v9:40000', encoding: 'text' });
    expect(elements.netflow9(57_590)).toEqual({ name: 'v9:57590', encoding: 'unsigned' });
  });

  it('of NetFlow v9 are the same as those of IPFIX where IANA took them over', () => {
    expect(elements.netflow9(8)).toEqual({ name: 'sourceIPv4Address', encoding: 'ipv4' });
    expect(elements.netflow9(351)).toEqual({ name: 'layer2SegmentId', encoding: 'unsigned' });
  });

  it('turn to the reverse direction by the enterprise of RFC 5103, or by CERT’s bit', () => {
    expect(elements.ipfix(29_305, 1)).toEqual({ name: 'reverseOctetDeltaCount', encoding: 'unsigned' });
    expect(elements.ipfix(29_305, 152)).toEqual({ name: 'reverseFlowStartMilliseconds', encoding: 'milliseconds' });
    expect(elements.ipfix(29_305, 20_000)).toEqual({ name: '29305/20000', encoding: 'bytes' });
    const forward = elements.ipfix(6871, 14);
    expect(forward?.encoding).toBe('unsigned');
    expect(elements.ipfix(6871, 14 + 0x4000)).toEqual({ name: '6871/16398', encoding: forward?.encoding });
  });

  it('that are padding have no column', () => {
    expect([elements.ipfix(0, 0), elements.ipfix(0, 210), elements.netflow9(0), elements.netflow9(210)]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect([elements.ipfix(29_305, 0), elements.ipfix(29_305, 210)]).toEqual([undefined, undefined]);
    expect(elements.ipfix(9, 210)?.name).toBe('9/210');
  });
});

describe('the registries under data/', () => {
  const read = (file: string) =>
    readFileSync(new URL(`../../data/${file}`, import.meta.url), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.split('\t'));
  const types = new Set(
    (
      'unsigned8 unsigned16 unsigned32 unsigned64 unsigned256 signed8 signed16 signed32 signed64 float32 float64 boolean ' +
      'macAddress string octetArray dateTimeSeconds dateTimeMilliseconds dateTimeMicroseconds dateTimeNanoseconds ' +
      'ipv4Address ipv6Address basicList subTemplateList subTemplateMultiList'
    ).split(' '),
  );

  it('name each IANA element once, with a type of RFC 7012', () => {
    const rows = read('information-elements.tsv');
    expect(
      rows.filter(([id, name, type, ...more]) => !/^\d+$/.test(id!) || !name || !types.has(type!) || more.length > 0),
    ).toEqual([]);
    expect(new Set(rows.map(([id]) => id)).size).toBe(rows.length);
    expect(new Set(rows.map(([, name]) => name)).size).toBe(rows.length);
    expect(rows.length).toBeGreaterThan(490);
  });

  it('give each vendor element once, with a type of RFC 7012', () => {
    const rows = read('vendor-elements.tsv');
    const bad = rows.filter(([key, type]) => !/^(?:\d+\/\d+|v9:\d+|iana:\d+)$/.test(key!) || !types.has(type!));
    expect(bad).toEqual([]);
    expect(new Set(rows.map(([key]) => key)).size).toBe(rows.length);
    expect(rows.length).toBeGreaterThan(2_400);
  });
});
