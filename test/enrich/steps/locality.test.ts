import { describe, expect, it } from 'vitest';
import { createDocumentLane, createPipeline } from '../../../src/enrich/pipeline.ts';
import type { StepDefinition } from '../../../src/enrich/step.ts';
import { asnStep } from '../../../src/enrich/steps/asn.ts';
import { directionStep } from '../../../src/enrich/steps/direction.ts';
import { localityStep } from '../../../src/enrich/steps/locality.ts';
import { toTestBatch, valueAtPath } from '../../../src/enrich/test-record.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

type Part = readonly [StepDefinition<unknown>, unknown];

async function documentOf(parts: readonly Part[], fields: Readonly<Record<string, unknown>>): Promise<unknown> {
  const steps = await Promise.all(
    parts.map(async ([definition, options]) => ({
      name: definition.name,
      step: await definition.create(definition.options.parse(options), { folder: '.', logger: silentLogger }),
    })),
  );
  const { bytes } = createPipeline({ steps }).toDocuments(
    toTestBatch({ protocol: 'ipfix', fields }),
    createDocumentLane(),
  );
  return JSON.parse(bytes.toString()) as unknown;
}

const toGoogle = { sourceIPv4Address: '10.1.2.3', destinationIPv4Address: '8.8.8.8', destinationTransportPort: 443 };

describe('networks of the user', () => {
  it('are private when they say so, also for steps before `locality`', async () => {
    const parts: readonly Part[] = [
      [asnStep, {}],
      [localityStep, { networks: { '8.8.8.0/24': { name: 'ours', private: true } } }],
    ];
    const document = await documentOf(parts, toGoogle);
    expect(valueAtPath(document, 'flow.dst_autonomous_system')).toBe('private');
    expect(valueAtPath(document, 'flow.traffic_locality')).toBe('private');
    expect(valueAtPath(document, 'flow.autonomous_system')).toBeUndefined();
  });

  it('are public when they say so', async () => {
    const document = await documentOf([[localityStep, { networks: { '10.1.0.0/16': { private: false } } }]], {
      ...toGoogle,
      destinationIPv4Address: '10.2.0.1',
    });
    expect(valueAtPath(document, 'flow.traffic_locality')).toBe('public');
    expect(valueAtPath(document, 'flow.src_network')).toBeUndefined();
  });

  it('go before the list of private addresses', async () => {
    const options = { private: ['8.8.0.0/16', '10.0.0.0/8'], networks: { '8.8.8.8': { private: false } } };
    expect(valueAtPath(await documentOf([[localityStep, options]], toGoogle), 'flow.traffic_locality')).toBe('public');
    const list = { private: ['8.8.0.0/16', '10.0.0.0/8'] };
    expect(valueAtPath(await documentOf([[localityStep, list]], toGoogle), 'flow.traffic_locality')).toBe('private');
  });

  it('give their names to IPv6 addresses, and to both roles', async () => {
    const document = await documentOf(
      [
        [
          {
            ...localityStep,
            create: () => ({
              apply(flow) {
                flow.server = 'dst';
                return undefined;
              },
            }),
          } as StepDefinition<unknown>,
          {},
        ],
        [localityStep, { networks: { '2001:db8::/32': { name: 'lab', site: 'Łódź', tags: ['a "b"'] } } }],
      ],
      { sourceIPv6Address: 'fe80::1', destinationIPv6Address: '2001:db8::7' },
    );
    for (const side of ['dst', 'server']) {
      expect(valueAtPath(document, `flow.${side}_network`)).toBe('lab');
      expect(valueAtPath(document, `flow.${side}_site`)).toBe('Łódź');
      expect(valueAtPath(document, `flow.${side}_tags`)).toEqual(['a "b"']);
    }
    expect(valueAtPath(document, 'flow.client_network')).toBeUndefined();
  });

  it.each([
    [{ networks: { '10.0.0.0/33': { name: 'a' } } }],
    [{ networks: { '10.0.0.0/8': { nam: 'a' } } }],
    [{ networks: { '10.0.0.0/8': { name: 'a\nb' } } }],
    [{ networks: { '10.0.0.0/8': { tags: new Array(17).fill('a') } } }],
    [{ private: ['private'] }],
  ])('are refused when they are wrong: %j', (options) => {
    expect(localityStep.options.safeParse(options).success).toBe(false);
  });
});

describe('the direction of traffic', () => {
  const directionOf = async (options: unknown, fields: Readonly<Record<string, unknown>>, more: readonly Part[] = []) =>
    valueAtPath(await documentOf([...more, [directionStep, options]], fields), 'flow.traffic_direction');

  it.each([
    ['10.0.0.1', '8.8.8.8', 'outbound'],
    ['8.8.8.8', '10.0.0.1', 'inbound'],
    ['10.0.0.1', '192.168.0.1', 'internal'],
    ['8.8.8.8', '9.9.9.9', 'transit'],
  ])('from %s to %s is %s', async (from, to, expected) => {
    expect(await directionOf({}, { sourceIPv4Address: from, destinationIPv4Address: to })).toBe(expected);
  });

  it('counts the networks that `locality` names as inside', async () => {
    const named: readonly Part[] = [[localityStep, { networks: { '198.51.100.0/24': { name: 'dmz' } } }]];
    const fields = { sourceIPv4Address: '198.51.100.7', destinationIPv4Address: '8.8.8.8' };
    expect(await directionOf({}, fields, named)).toBe('outbound');
    expect(await directionOf({}, fields)).toBe('transit');
  });

  it.each([
    [1, 7, 'inbound'],
    [7, 1, 'outbound'],
    [7, 8, 'internal'],
    [1, 2, 'transit'],
  ])(
    'from interface %i to %i is %s where 1 and 2 are external',
    async (ingressInterface, egressInterface, expected) => {
      const options = { interfaces: { '192.0.2.0/24': { external: [1, 2] }, '0.0.0.0/0': { external: [] } } };
      const fields = { sourceIPv4Address: '10.0.0.1', destinationIPv4Address: '10.0.0.2' };
      expect(await directionOf(options, { ...fields, ingressInterface, egressInterface })).toBe(expected);
    },
  );

  it('goes by addresses where an exporter has no roles, or a flow no interfaces', async () => {
    const fields = { sourceIPv4Address: '10.0.0.1', destinationIPv4Address: '8.8.8.8' };
    const other = { interfaces: { '203.0.113.1': { external: [1] } } };
    expect(await directionOf(other, { ...fields, ingressInterface: 1, egressInterface: 2 })).toBe('outbound');
    expect(await directionOf({ interfaces: { '192.0.2.1': { external: [1] } } }, fields)).toBe('outbound');
  });

  it('is not said of a flow without addresses', async () => {
    expect(await directionOf({}, { sourceIPv4Address: '10.0.0.1' })).toBeUndefined();
  });
});
