// docs/fields.md says of some of ElastiFlow's fields that a field of the flow has their value: here it has, and where another element
// fills that field, neither value is lost.

import { describe, expect, test } from 'vitest';
import { elastiflowForms } from '../../scripts/generate-field-docs.ts';
import { createDocumentLane, createPipeline } from '../../src/enrich/pipeline.ts';
import { toTestBatch, valueAtPath } from '../../src/enrich/test-record.ts';

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
