import { beforeAll, describe, expect, it } from 'vitest';
import { createInformationElements, type InformationElements } from '../../src/decode/information-elements.ts';
import type { ElementDefinition } from '../../src/model/element.ts';

let elements: InformationElements;
beforeAll(() => {
  elements = createInformationElements();
});

function defined(definition: Partial<ElementDefinition>): ElementDefinition {
  return { protocol: 'ipfix', enterprise: 0, id: 1, name: 'a', type: 'string', replaces: true, ...definition };
}

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

describe('definitions of users', () => {
  it('give types to elements that no registry has', () => {
    const { ipfix, netflow9 } = createInformationElements([
      defined({ enterprise: 4_000_000_000, id: 7, type: 'ipv4Address' }),
      defined({ enterprise: 0, id: 20_000, type: 'dateTimeSeconds' }),
      defined({ protocol: 'netflow9', id: 32_001, type: 'macAddress', replaces: false }),
    ]);
    expect(ipfix(4_000_000_000, 7)).toEqual({ name: '4000000000/7', encoding: 'ipv4' });
    expect(ipfix(0, 20_000)).toEqual({ name: 'iana:20000', encoding: 'seconds' });
    expect(netflow9(32_001)).toEqual({ name: 'v9:32001', encoding: 'mac' });
    expect(ipfix(4_000_000_000, 8)).toEqual({ name: '4000000000/8', encoding: 'bytes' });
  });

  it('that replace what weir knows take the element out of its meaning: its column has the number', () => {
    const { ipfix, netflow9 } = createInformationElements([
      defined({ protocol: 'netflow9', id: 100, type: 'unsigned8' }),
      defined({ enterprise: 10_704, id: 8, type: 'string' }),
    ]);
    expect(netflow9(100)).toEqual({ name: 'v9:100', encoding: 'unsigned' });
    expect(ipfix(0, 100)).toEqual({ name: 'className', encoding: 'text' });
    expect(ipfix(10_704, 8)).toEqual({ name: '10704/8', encoding: 'text' });
  });

  it('that don’t replace leave known elements as they are, and hide what they call meaningless', () => {
    const { ipfix, netflow9 } = createInformationElements([
      defined({ id: 152, type: 'unsigned64', replaces: false }),
      defined({ enterprise: 10_704, id: 8, type: 'unsigned32', replaces: false }),
      defined({ id: 8, name: undefined, replaces: false }),
      defined({ enterprise: 4_000_000_000, id: 9, name: undefined, replaces: false }),
      defined({ protocol: 'netflow9', id: 32_001, name: undefined, replaces: false }),
    ]);
    expect(ipfix(0, 152)).toEqual({ name: 'flowStartMilliseconds', encoding: 'milliseconds' });
    expect(ipfix(10_704, 8)).toEqual({ name: '10704/8', encoding: 'ipv4' });
    expect(ipfix(0, 8)?.name).toBe('sourceIPv4Address');
    expect([ipfix(4_000_000_000, 9), netflow9(32_001)]).toEqual([undefined, undefined]);
  });

  it('count in the order of the files: the last one of a number', () => {
    const { ipfix } = createInformationElements([
      defined({ enterprise: 99_999, id: 1, type: 'string' }),
      defined({ enterprise: 99_999, id: 1, type: 'unsigned8' }),
    ]);
    expect(ipfix(99_999, 1)?.encoding).toBe('unsigned');
  });
});
