import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinedNames } from '../../src/model/record.ts';
import {
  type FieldSpec,
  ipfix,
  ipfixTemplate,
  netflow9,
  netflow9Template,
  set,
  uint,
  variable,
} from './datagram-builder.ts';
import { createFeed, type Feed } from './feed.ts';

const ingress: FieldSpec = { id: 10, length: 4 };
const egress: FieldSpec = { id: 14, length: 4 };
const text = (id: number): FieldSpec => ({ id, length: 65_535 });
const name = (value: string) => variable(Buffer.from(value, 'utf8'));

/** An IPFIX options template and its records; the first field is scope. */
function sendOptions(feed: Feed, fields: readonly FieldSpec[], ...records: readonly Buffer[]): void {
  const template = ipfixTemplate({ id: 400, fields, scopeCount: 1 });
  feed.sets(ipfix([set(3, template), set(400, ...records)]));
}

function sendInterfaces(feed: Feed, ...interfaces: readonly (readonly [number, string, string])[]): void {
  const records = interfaces.map(([index, short, long]) => Buffer.concat([uint(index, 4), name(short), name(long)]));
  sendOptions(feed, [ingress, text(82), text(83)], ...records);
}

const defineFlows = (feed: Feed, ...fields: readonly FieldSpec[]) =>
  feed.sets(ipfix([set(2, ipfixTemplate({ id: 256, fields }))]));

describe('interface names that options records tell', () => {
  it('are joined to both interfaces of a flow, with their descriptions', () => {
    const feed = createFeed();
    defineFlows(feed, ingress, egress);
    sendInterfaces(feed, [1, 'ge-0/0/1', 'uplink to carrier'], [2, 'ge-0/0/2', '']);
    expect(feed.records(ipfix([set(256, uint(1, 4), uint(2, 4), uint(2, 4), uint(9, 4))]))).toEqual([
      {
        ingressInterface: 1,
        egressInterface: 2,
        [joinedNames.ingressInterfaceName]: 'ge-0/0/1',
        [joinedNames.egressInterfaceName]: 'ge-0/0/2',
        [joinedNames.ingressInterfaceDescription]: 'uplink to carrier',
        [joinedNames.egressInterfaceDescription]: null,
      },
      {
        ingressInterface: 2,
        egressInterface: 9,
        [joinedNames.ingressInterfaceName]: 'ge-0/0/2',
        [joinedNames.egressInterfaceName]: null,
        [joinedNames.ingressInterfaceDescription]: null,
        [joinedNames.egressInterfaceDescription]: null,
      },
    ]);
  });

  it('come from NetFlow v9 with the interface as scope, or beside the system as scope (Cisco)', () => {
    for (const scope of [[{ id: 2, length: 4 }], [{ id: 1, length: 4 }, ingress]] as const) {
      const feed = createFeed();
      feed.sets(netflow9([set(0, netflow9Template({ id: 256, fields: [egress] }))]));
      const template = netflow9Template({ id: 300, fields: [...scope, { id: 82, length: 8 }], scopeCount: 1 });
      const values = scope.map((_, i) => uint(i === scope.length - 1 ? 7 : 0xc0000201, 4));
      feed.sets(netflow9([set(1, template), set(300, ...values, Buffer.from('Gi0/7\0\0\0'))]));
      expect(feed.records(netflow9([set(256, uint(7, 4))]))).toEqual([
        { egressInterface: 7, [joinedNames.egressInterfaceName]: 'Gi0/7' },
      ]);
    }
  });

  it('are given to no flow that came before them, and change with the last record that told them', () => {
    const feed = createFeed();
    defineFlows(feed, ingress);
    const data = ipfix([set(256, uint(1, 4))]);
    const told = () => feed.records(data)[0]?.[joinedNames.ingressInterfaceName];
    expect(told()).toBeUndefined();
    sendInterfaces(feed, [1, 'old', '']);
    expect(told()).toBe('old');
    sendInterfaces(feed, [1, 'new', '']);
    expect(told()).toBe('new');
    sendInterfaces(feed, [1, '', '']);
    expect(told()).toBe('new');
  });

  it('hold for their own observation domain and exporter', () => {
    const feed = createFeed();
    const template = set(2, ipfixTemplate({ id: 256, fields: [ingress] }));
    sendInterfaces(feed, [1, 'mine', '']);
    for (const [domain, exporter] of [
      [1, '192.0.2.1'],
      [0, '192.0.2.2'],
    ] as const) {
      const [record] = feed.records(ipfix([template, set(256, uint(1, 4))], { domain }), { exporter });
      expect(record).toEqual({ ingressInterface: 1 });
    }
  });

  it('are cut at 255 characters, and no more of them are kept than the limit allows', () => {
    const feed = createFeed({ factsPerExporter: 3 });
    defineFlows(feed, ingress);
    sendInterfaces(feed, [1, 'x'.repeat(4000), ''], [2, 'b', ''], [3, 'c', ''], [4, 'd', '']);
    sendInterfaces(feed, [2, 'changed', '']);
    const data = ipfix([set(256, ...[1, 2, 3, 4].map((index) => uint(index, 4)))]);
    const names = feed.records(data).map((record) => record[joinedNames.ingressInterfaceName]);
    expect(names).toEqual(['x'.repeat(255), 'changed', 'c', null]);
  });

  it('are not learnt from flows, whatever these have', () => {
    const feed = createFeed();
    defineFlows(feed, ingress, text(82));
    const data = ipfix([set(256, uint(1, 4), name('of the flow'))]);
    feed.records(data);
    expect(feed.records(data)).toEqual([{ ingressInterface: 1, interfaceName: 'of the flow' }]);
  });
});

describe('application names that options records tell', () => {
  const application = (length: number): FieldSpec => ({ id: 95, length });

  it('are joined by applicationId, also where flows and options have it in different lengths (RFC 6759 §4)', () => {
    const feed = createFeed();
    defineFlows(feed, application(4));
    const record = (id: string, label: string) => Buffer.concat([variable(Buffer.from(id, 'hex')), name(label)]);
    sendOptions(
      feed,
      [application(65_535), text(96)],
      record('0d0001c5', 'youtube'),
      record('0350', 'http'),
      record('140000304400008f34', 'forti'),
    );
    const data = ipfix([set(256, Buffer.from('0d0001c503000050030000510d000050', 'hex'))]);
    const names = () => feed.records(data).map((row) => row[joinedNames.applicationName]);
    expect(names()).toEqual(['youtube', 'http', null, null]);
    sendOptions(feed, [application(65_535), text(96)], record('03000051', 'hosts2-ns'));
    expect(names()).toEqual(['youtube', 'http', 'hosts2-ns', null]);

    defineFlows(feed, application(9));
    const other = ipfix([set(256, Buffer.from('140000304400008f34', 'hex'), Buffer.from('140000304500008f34', 'hex'))]);
    expect(feed.records(other).map((row) => row[joinedNames.applicationName])).toEqual(['forti', null]);
  });

  it('are the descriptions where there is no name, and give way to the name that the flow has', () => {
    const feed = createFeed();
    defineFlows(feed, application(4));
    const record = (label: string, description: string) =>
      Buffer.concat([Buffer.from('01000008', 'hex'), name(label), name(description)]);
    const fields = [application(4), text(96), text(94)];
    sendOptions(feed, fields, record('', 'Exterior Gateway Protocol'));
    const data = ipfix([set(256, Buffer.from('01000008', 'hex'))]);
    expect(feed.records(data)[0]?.[joinedNames.applicationName]).toBe('Exterior Gateway Protocol');
    sendOptions(feed, fields, record('egp', 'Exterior Gateway Protocol'));
    expect(feed.records(data)[0]?.[joinedNames.applicationName]).toBe('egp');
    defineFlows(feed, application(4), text(96));
    const named = ipfix([set(256, Buffer.from('01000008', 'hex'), name('own'))]);
    expect(feed.records(named)).toEqual([{ applicationId: '01000008', applicationName: 'own' }]);
  });
});

describe('VRF names that options records tell', () => {
  it('are joined to both VRFs of a flow', () => {
    const feed = createFeed();
    defineFlows(feed, { id: 234, length: 4 }, { id: 235, length: 4 });
    const record = (id: number, label: string) => Buffer.concat([uint(id, 4), name(label)]);
    sendOptions(feed, [{ id: 234, length: 4 }, text(236)], record(0x60000000, 'default'), record(0x60000001, 'blue'));
    expect(feed.records(ipfix([set(256, uint(0x60000001, 4), uint(0x60000000, 4))]))[0]).toMatchObject({
      [joinedNames.ingressVrfName]: 'blue',
      [joinedNames.egressVrfName]: 'default',
    });
  });

  it('are found by the first of several ids, the outermost', () => {
    const feed = createFeed();
    const vrf: FieldSpec = { id: 234, length: 4 };
    sendOptions(feed, [vrf, vrf, text(236)], Buffer.concat([uint(5, 4), uint(6, 4), name('red')]));
    defineFlows(feed, vrf, vrf);
    const rows = feed.records(ipfix([set(256, uint(5, 4), uint(6, 4), uint(6, 4), uint(5, 4))]));
    expect(rows.map((row) => row[joinedNames.ingressVrfName])).toEqual(['red', null]);
  });
});

describe('what is joined', () => {
  it('is the last that was told of each number, whatever was told in whatever order', () => {
    const step = fc.record({ index: fc.integer({ min: 0, max: 5 }), label: fc.constantFrom('a', 'b', 'c', '') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const feed = createFeed();
        defineFlows(feed, ingress);
        const expected = new Map<number, string>();
        for (const { index, label } of steps) {
          sendInterfaces(feed, [index, label, '']);
          if (label !== '') expected.set(index, label);
        }
        const data = ipfix([set(256, ...[0, 1, 2, 3, 4, 5].map((index) => uint(index, 4)))]);
        const names = feed.records(data).map((row) => row[joinedNames.ingressInterfaceName] ?? null);
        expect(names).toEqual([0, 1, 2, 3, 4, 5].map((index) => expected.get(index) ?? null));
      }),
      { numRuns: 200 },
    );
  });

  it('comes back with the saved state', () => {
    const feed = createFeed();
    defineFlows(feed, ingress, { id: 95, length: 4 }, { id: 234, length: 4 });
    sendInterfaces(feed, [1, 'ge-0/0/1', 'uplink']);
    sendOptions(
      feed,
      [{ id: 95, length: 4 }, text(96)],
      Buffer.concat([Buffer.from('0d0001c5', 'hex'), name('youtube')]),
    );
    sendOptions(feed, [{ id: 234, length: 4 }, text(236)], Buffer.concat([uint(9, 4), name('blue')]));
    const data = ipfix([set(256, uint(1, 4), Buffer.from('0d0001c5', 'hex'), uint(9, 4))]);
    const expected = feed.sets(data);
    expect(expected[0]?.rows[0]).toEqual([1, '0d0001c5', 9, 'ge-0/0/1', 'uplink', 'youtube', 'blue']);
    const after = createFeed();
    after.decoder.restoreState(JSON.parse(JSON.stringify(feed.decoder.saveState())));
    expect(after.sets(data)).toEqual(expected);
  });
});

describe('counters of an exporter', () => {
  it('are kept with their last values, and are no reason to save the state', () => {
    const feed = createFeed();
    const fields = [
      { id: 144, length: 4 },
      { id: 41, length: 8 },
      { id: 40, length: 8 },
    ];
    const record = (process: number, messages: number, octets: bigint) =>
      Buffer.concat([uint(process, 4), uint(messages, 8), uint(octets, 8)]);
    sendOptions(feed, fields, record(1, 10, 2n ** 60n), record(2, 5, 7n));
    const { stateVersion } = feed.decoder;
    sendOptions(feed, fields, record(1, 11, 2n ** 60n));
    expect(feed.decoder.stateVersion).toBe(stateVersion);
    const common = { exporter: '192.0.2.1', protocol: 'ipfix', domain: 0 };
    expect(feed.decoder.exporterStatistics()).toEqual([
      { ...common, process: 1, name: 'exportedOctetTotalCount', value: '1152921504606846976' },
      { ...common, process: 1, name: 'exportedMessageTotalCount', value: 11 },
      { ...common, process: 2, name: 'exportedOctetTotalCount', value: 7 },
      { ...common, process: 2, name: 'exportedMessageTotalCount', value: 5 },
    ]);
  });
});
