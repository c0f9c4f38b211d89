// docs/fields.md says of some of ElastiFlow's fields that a field of the flow has their value: here it has, and where another element
// fills that field, neither value is lost.

import { describe, expect, test } from 'vitest';
import { elastiflowForms } from '../../scripts/generate-field-docs.ts';
import { createDecoder } from '../../src/decode/decoder.ts';
import { createInformationElements } from '../../src/decode/information-elements.ts';
import { createDocumentLane, createPipeline } from '../../src/enrich/pipeline.ts';
import { toTestBatch, valueAtPath } from '../../src/enrich/test-record.ts';
import { ipfix, ipfixTemplate, set } from '../decode/datagram-builder.ts';
import { documentsOf } from './sample-document.ts';

function documentOf(object: string, fields: Readonly<Record<string, unknown>>): unknown {
  const pipeline = createPipeline({ steps: [] });
  const batch = toTestBatch({
    protocol: object === 'netflow' ? 'netflow9' : 'ipfix',
    fields: { sourceIPv4Address: '10.0.0.1', octetDeltaCount: 1, ...fields },
  });
  return JSON.parse(pipeline.toDocuments(batch, createDocumentLane()).bytes.toString());
}

/** ElastiFlow's name of an element, where it is not IANA's. */
const elementNames: Readonly<Record<string, string>> = {
  flow_sampler_random_interval: 'samplerRandomInterval',
  ip_dscp: 'ipDiffServCodePoint',
};

/** The element that fills a field of the flow first. */
const firstElements: Readonly<Record<string, string>> = {
  'flow.vlan': 'vlanId',
  'flow.tos': 'ipClassOfService',
  'flow.input_snmp': 'ingressInterface',
  'flow.output_snmp': 'egressInterface',
  'flow.src_mac': 'sourceMacAddress',
  'flow.dst_mac': 'destinationMacAddress',
  'flow.sampling_interval': 'samplingInterval',
};

const moved = Object.entries(elastiflowForms).flatMap(([path, why]) => {
  const target = /^`(flow\.\w+)` has it; where another/.exec(why)?.[1];
  return target === undefined ? [] : [[path, target] as const];
});

test('there are some', () => {
  expect(moved.length).toBe(14);
});

describe.each(moved)('%s', (path, target) => {
  const [object = '', name = ''] = path.split('.');
  const element = elementNames[name] ?? name;
  const first = firstElements[target]!;
  const [value, other] = target.endsWith('_mac') ? ['00:00:0c:00:00:09', '00:00:0c:00:00:05'] : [7, 5];

  test(`is ${target}, and nothing else`, () => {
    const document = documentOf(object, { [element]: value });
    expect(valueAtPath(document, target)).toBe(value);
    expect(valueAtPath(document, path)).toBeUndefined();
  });

  test.skipIf(element === first)(`stays beside what fills ${target} before it`, () => {
    const document = documentOf(object, { [element]: value, [first]: other });
    expect(valueAtPath(document, target)).toBe(other);
    expect(valueAtPath(document, path)).toBe(value);
  });
});

describe.each([
  ['ipv4', 12_236, 12_237, [10, 0, 0, 7], [192, 0, 2, 9], '10.0.0.7', '192.0.2.9'],
  [
    'ipv6',
    12_238,
    12_239,
    [...Buffer.from('20010db8000000000000000000000007', 'hex')],
    [...Buffer.from('20010db8000000000000000000000009', 'hex')],
    '2001:db8::7',
    '2001:db8::9',
  ],
] as const)('client and server of Cisco AVC, %s', (family, client, server, clientBytes, serverBytes, from, to) => {
  test('are the end points of the flow', () => {
    const fields = [client, server].map((id) => ({ id, length: clientBytes.length, enterprise: 9 }));
    const decoder = createDecoder({ onFault: () => {}, elements: createInformationElements() });
    const sets = decoder.decode({
      payload: ipfix([
        set(2, ipfixTemplate({ id: 256, fields })),
        set(256, Buffer.from(clientBytes), Buffer.from(serverBytes)),
      ]),
      exporter: '192.0.2.1',
      exporterPort: 2055,
      receivedAtMs: 1_700_000_000_000,
    });
    const [document] = documentsOf({
      id: 'avc',
      createdAtMs: 0,
      recordCount: 1,
      byteSize: 0,
      layouts: sets.map(({ layout }) => layout),
      sets: sets.map(({ header, rows }, layout) => ({ layout, header, rows })),
    });
    expect(valueAtPath(document, 'flow.client_addr')).toBe(from);
    expect(valueAtPath(document, 'flow.server_addr')).toBe(to);
    expect([valueAtPath(document, 'flow.src_addr'), valueAtPath(document, 'flow.dst_addr')].sort()).toEqual(
      [from, to].sort(),
    );
    expect(valueAtPath(document, `ipfix.cisco_avc_client_${family}_addr`)).toBeUndefined();
    expect(valueAtPath(document, `ipfix.cisco_avc_server_${family}_addr`)).toBeUndefined();
  });
});
