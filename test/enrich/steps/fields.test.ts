// The step `fields`: what it does to documents, and what its options refuse.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDocumentLane } from '../../../src/enrich/document-writer.ts';
import { FlowDocument } from '../../../src/enrich/flow-document.ts';
import { createPipeline, type NamedStep, type Pipeline } from '../../../src/enrich/pipeline.ts';
import type { StepContext } from '../../../src/enrich/step.ts';
import { dropStep } from '../../../src/enrich/steps/drop.ts';
import { fieldsStep } from '../../../src/enrich/steps/fields.ts';
import { servicesStep } from '../../../src/enrich/steps/services.ts';
import { toTestBatch, valueAtPath } from '../../../src/enrich/test-record.ts';
import { createLogger, silentLogger } from '../../../src/telemetry/logger.ts';

const record = {
  sourceIPv4Address: '10.0.0.1',
  destinationIPv4Address: '192.0.2.1',
  sourceTransportPort: 40_000,
  destinationTransportPort: 443,
  protocolIdentifier: 6,
  tcpControlBits: 0x12,
  ingressInterface: 7,
  octetDeltaCount: '9007199254740993',
  applicationName: 'ssl',
};

async function stepOf(
  options: unknown,
  context: Pick<StepContext, 'logger' | 'count'> = { logger: silentLogger },
): Promise<NamedStep> {
  const step = await fieldsStep.create(fieldsStep.options.parse(options), { folder: '.', ...context });
  return { name: 'fields', step };
}

async function textOf(steps: readonly NamedStep[], fields: Record<string, unknown> = record): Promise<string> {
  const pipeline = createPipeline({ steps });
  // Twice, and with a flow between that is not changed: nothing of one flow may come out in another.
  const lane = createDocumentLane();
  const texts = [fields, fields].map((one) => {
    const { bytes, ends, count } = pipeline.toDocuments(toTestBatch({ protocol: 'ipfix', fields: one }), lane);
    return count === 0 ? 'dropped' : bytes.toString('utf8', 0, ends[0]);
  });
  expect(texts[1]).toBe(texts[0]);
  return texts[0]!;
}

async function valuesOf(options: unknown, paths: readonly string[]): Promise<unknown[]> {
  const document: unknown = JSON.parse(await textOf([await stepOf(options)]));
  return paths.map((path) => valueAtPath(document, path));
}

describe('fields', () => {
  it('sets fields that are made of several values, and of none', async () => {
    const set = {
      'labels.flags': `\${flow.tcp_flags}`,
      'labels.none': `\${flow.vlan}`,
      'labels.else': `\${flow.vlan:no VLAN}`,
      'labels.time': `\${@timestamp}`,
      'labels.money': '5 $ {x}',
      'labels.number': 5,
    };
    expect(await valuesOf({ set }, ['labels'])).toEqual([
      { flags: 'SYN, ACK', else: 'no VLAN', time: '2026-01-01T00:00:00.000Z', money: '5 $ {x}', number: '5' },
    ]);
  });

  it('sets stored fields of each kind', async () => {
    const set = {
      'flow.dst_hostname': `\${flow.dst_addr}.example "x"`,
      'flow.input_ifname': `uplink \${flow.input_snmp}`,
      'flow.ip_protocol': 'tcp',
      'flow.direction': 'inbound',
      'flow.vlan': 10,
      'flow.src_asn': `\${flow.dst_port}`,
      'flow.next_hop': '2001:db8::1',
      'node.hostname': 'edge-1',
    };
    expect(await valuesOf({ set }, Object.keys(set))).toEqual([
      '192.0.2.1.example "x"',
      'uplink 7',
      'tcp',
      'inbound',
      10,
      443,
      '2001:db8::1',
      'edge-1',
    ]);
  });

  it('copies and renames; what is absent is left alone', async () => {
    const options = {
      copy: { 'flow.dst_addr': 'labels.where', 'flow.vlan': 'labels.vlan' },
      rename: { 'flow.application': 'labels.app', 'flow.input_ifname': 'labels.if' },
    };
    const paths = ['labels', 'flow.application', 'flow.dst_addr', 'flow.input_ifname', 'flow.input_snmp'];
    expect(await valuesOf(options, paths)).toEqual([
      { where: '192.0.2.1', app: 'ssl', if: 'index: 7' },
      undefined,
      '192.0.2.1',
      undefined,
      7,
    ]);
  });

  it('removes fields of the flow, the node and the record', async () => {
    const remove = [
      'flow.direction',
      'flow.src_addr',
      'flow.bytes',
      'node.hostname',
      'ipfix.octetDeltaCount',
      'ipfix.version',
      'netflow.not_there',
    ];
    expect(await valuesOf({ remove }, [...remove, 'flow.dst_addr', 'node.ipaddr'])).toEqual([
      ...remove.map(() => undefined),
      '192.0.2.1',
      '192.0.2.1',
    ]);
  });

  it('works copy, rename, set, remove in this order', async () => {
    const options = {
      remove: ['labels.b'],
      set: { 'labels.c': `\${labels.a}+\${labels.b}` },
      rename: { 'labels.x': 'labels.b' },
      copy: { 'flow.application': 'labels.x', 'flow.dst_port': 'labels.a' },
    };
    expect(await valuesOf(options, ['labels'])).toEqual([{ a: '443', c: '443+ssl' }]);
  });

  it('is seen by later steps', async () => {
    const services = { name: 'services', step: await servicesStep.create({}, { folder: '.', logger: silentLogger }) };
    const fields = await stepOf({ set: { 'flow.dst_port': 53, 'labels.site': 'Boston' } });
    expect(JSON.parse(await textOf([fields, services]))).toMatchObject({ flow: { dst_port_name: 'domain (TCP/53)' } });
    const options = dropStep.options.parse({ when: { 'labels.site': 'Boston' } });
    const drop = { name: 'drop', step: await dropStep.create(options, { folder: '.', logger: silentLogger }) };
    expect(await textOf([fields, drop])).toBe('dropped');
  });

  it('leaves every digit of the others as it was', async () => {
    expect(await textOf([await stepOf({ remove: ['flow.src_hostname'] })])).toContain('"bytes":9007199254740993');
  });

  it('writes valid JSON, whatever a value holds', async () => {
    const fields = await stepOf({
      set: { 'labels.a': `\${flow.application}!`, 'flow.src_hostname': `\${flow.application}` },
      remove: ['flow.direction'],
    });
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }), async (applicationName) => {
        const document: unknown = JSON.parse(await textOf([fields], { ...record, applicationName }));
        const stored = valueAtPath(document, 'flow.application');
        expect(valueAtPath(document, 'labels.a')).toBe(`${String(stored)}!`);
        expect(valueAtPath(document, 'flow.src_hostname')).toBe(stored);
      }),
      { numRuns: 100 },
    );
  });

  it('cuts a value that would be a megabyte, and says so seldom', async () => {
    const lines: string[] = [];
    const logger = createLogger({ write: (line) => lines.push(line) });
    const huge = 'é'.repeat(60_000);
    const set = {
      'labels.huge': `\${flow.application}`.repeat(20),
      'labels.pair': `${'x'.repeat(1023)}😀\${flow.dst_port}`,
    };
    const counted: string[] = [];
    const count = (outcome: string) => counted.push(outcome);
    const fields = await stepOf({ set, copy: { 'flow.application': 'labels.copy' } }, { logger, count });
    for (let times = 0; times < 10; times++) {
      const document: unknown = JSON.parse(await textOf([fields], { ...record, applicationName: huge }));
      expect(valueAtPath(document, 'labels.huge')).toBe('é'.repeat(1024));
      expect(valueAtPath(document, 'labels.copy')).toBe('é'.repeat(1024));
      expect(valueAtPath(document, 'labels.pair')).toBe('x'.repeat(1023));
    }
    expect(counted).toEqual(Array.from({ length: 60 }, () => 'value-cut'));
    const told = lines.map((line) => JSON.parse(line) as { field: string; times: number });
    expect(told.filter(({ field }) => field === 'labels.huge').map(({ times }) => times)).toEqual([1, 10]);
  });
});

it('nothing of one flow comes out in the next, which is not changed', async () => {
  const when = 'flow.dst_port = 1';
  const set = { 'labels.site': 'Boston', 'flow.src_addr': '192.0.2.9', 'flow.application': 'a', 'node.hostname': 'h' };
  const steps = [await stepOf({ when, set, copy: { 'flow.dst_port': 'labels.port' }, remove: ['flow.ip_protocol'] })];
  const lane = createDocumentLane();
  const pipeline = createPipeline({ steps });
  const alone = createPipeline({ steps: [] });
  const documentOf = (by: Pipeline, port: number) => {
    const fields = { ...record, destinationTransportPort: port };
    const { bytes, ends } = by.toDocuments(toTestBatch({ protocol: 'ipfix', fields }), lane);
    return bytes.toString('utf8', 0, ends[0]);
  };
  expect(documentOf(pipeline, 1)).toContain('"labels":{"port":"1","site":"Boston"}');
  expect(documentOf(pipeline, 2)).toBe(documentOf(alone, 2));
});

it('a flow document that was cleared is as a new one', () => {
  const fresh = new FlowDocument();
  const used = new FlowDocument();
  for (const property of Object.keys(used)) {
    if (property !== 'changes') (used as unknown as Record<string, unknown>)[property] = 'left over';
  }
  used.changes.setLabel('a', 'left over');
  used.changes.setField('flow.x', 'left over');
  used.clear();
  // Set anew for each set of records.
  const { header, timestampMs, exporter, type } = fresh;
  expect({ ...used, header, timestampMs, exporter, type, changes: used.changes.isUsed }).toEqual({
    ...fresh,
    changes: false,
  });
});

describe('a number that a field has no room for', () => {
  it('is a mistake where it is written', () => {
    const set = {
      'flow.dst_port': 70_000,
      'flow.src_port': '-1',
      'flow.vlan': 4096,
      'flow.tos': 1.5,
      'flow.src_asn': 2 ** 32,
      'flow.src_mask_len': '129',
      'flow.bytes': 1e30,
    };
    const { error } = fieldsStep.options.safeParse({ set });
    expect(error?.issues.map(({ message }) => message)).toEqual([
      'flow.dst_port holds a whole number from 0 to 65535',
      'flow.src_port holds a whole number from 0 to 65535',
      'flow.vlan holds a whole number from 0 to 4095',
      'flow.tos holds a whole number from 0 to 255',
      'flow.src_asn holds a whole number from 0 to 4294967295',
      'flow.src_mask_len holds a whole number from 0 to 128',
      'flow.bytes holds a whole number',
    ]);
  });

  it('is not copied, and counted', async () => {
    const counted: string[] = [];
    const fields = await stepOf(
      { copy: { 'flow.bytes': 'flow.tos', 'flow.dst_port': 'flow.vlan' } },
      { logger: silentLogger, count: (outcome) => counted.push(outcome) },
    );
    const document: unknown = JSON.parse(await textOf([fields], { ...record, octetDeltaCount: 256 }));
    expect([valueAtPath(document, 'flow.tos'), valueAtPath(document, 'flow.vlan')]).toEqual([undefined, 443]);
    expect(new Set(counted)).toEqual(new Set(['value-too-large']));
  });
});

describe('the options of fields', () => {
  it.each<[options: unknown, message: RegExp]>([
    [{}, /expected copy, rename, set or remove/],
    [{ set: { 'flow.vln': 1 } }, /unknown field "flow\.vln"; did you mean "flow\.vlan"/],
    [{ set: { site: 'x' } }, /unknown field "site"/],
    [{ set: { 'labels.a.b': 'x' } }, /expected the name of a label .* not "a\.b"/],
    [{ set: { [`labels.${'x'.repeat(65)}`]: 'x' } }, /at most 64/],
    [{ set: { 'flow.vlan': 'ten' } }, /flow\.vlan holds a whole number from 0 to 4095/],
    [{ set: { 'flow.vlan': `\${flow.application}` } }, /flow\.vlan holds a whole number from 0 to 4095/],
    [{ set: { 'flow.vlan': `1\${flow.dst_port}` } }, /flow\.vlan holds a whole number from 0 to 4095/],
    [{ set: { 'labels.a': 'x'.repeat(1025) } }, /at most 1024 characters/],
    [{ set: { 'flow.next_hop': 'router' } }, /holds an IP address/],
    [{ set: { 'flow.src_geo_location': '1,2' } }, /can't be set/],
    [{ set: { '@timestamp': '2026-01-01' } }, /can't be changed/],
    [{ set: { 'netflow.x': '1' } }, /can be removed, not set/],
    [{ set: { 'labels.a': `\${flow.application` } }, /is not closed/],
    [{ set: { 'labels.a': `\${flow.aplication}` } }, /did you mean "flow\.application"/],
    [{ set: { 'labels.a': `\${flow.src_geo_location}` } }, /is a place/],
    [{ set: { 'labels.a': `\${flow.vlan}`.repeat(65) } }, /at most 64 fields/],
    [{ set: { 'labels.a': true } }, /text or a number/],
    [{ set: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`labels.a${i}`, 'x'])) }, /at most 64 fields/],
    [
      { copy: { 'flow.application': 'flow.vlan' } },
      /flow\.application is of type text, and flow\.vlan holds a whole number from 0 to 4095/,
    ],
    [{ copy: { 'flow.x': 'labels.a' } }, /unknown field/],
    [{ copy: { 'flow.vlan': 'flow.vlan' } }, /expected another field/],
    [{ rename: { 'labels.a': 'labels.a' } }, /expected another field/],
    [{ copy: { 'flow.vlan': 'x' } }, /unknown field/],
    [{ rename: { 'event.host': 'labels.host' } }, /can't be changed/],
    [{ remove: ['@timestamp'] }, /can't be changed/],
    [{ remove: ['flow.nothing'] }, /unknown field/],
    [{ remove: 'flow.vlan' }, /expected a list/],
    [{ when: 'flow.vlan = "1"', remove: ['flow.vlan'] }, /expected a number/],
  ])('%j is a mistake', (options, message) => {
    const { error } = fieldsStep.options.safeParse(options);
    expect(error?.issues.map((issue) => issue.message).join('\n')).toMatch(message);
  });
});
