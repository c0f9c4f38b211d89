// The steps that take names from files, through files as ElastiFlow's users have them.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  readApplicationIds,
  readApplicationServers,
  readApplicationTypes,
  readServerKey,
} from '../../../src/enrich/application-names.ts';
import { loadMacVendors } from '../../../src/enrich/mac-vendors.ts';
import { createDocumentLane, createPipeline } from '../../../src/enrich/pipeline.ts';
import { atOnce } from '../../../src/enrich/slices.ts';
import type { StepDefinition } from '../../../src/enrich/step.ts';
import { applicationsStep } from '../../../src/enrich/steps/applications.ts';
import { interfacesStep } from '../../../src/enrich/steps/interfaces.ts';
import { vlanNamesStep } from '../../../src/enrich/steps/vlan-names.ts';
import { toTestBatch, valueAtPath } from '../../../src/enrich/test-record.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';

let folder: string;
let warnings: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-names-'));
  warnings = [];
});
afterEach(() => rm(folder, { recursive: true }));

async function storedValue(
  definition: StepDefinition<unknown>,
  options: unknown,
  fields: Readonly<Record<string, unknown>>,
  path: string,
): Promise<unknown> {
  const logger = createLogger({ write: (line) => warnings.push((JSON.parse(line) as { msg: string }).msg) });
  const step = await definition.create(definition.options.parse(options), { folder, logger });
  const pipeline = createPipeline({ steps: [{ name: definition.name, step }] });
  const { bytes, ends } = pipeline.toDocuments(toTestBatch({ protocol: 'ipfix', fields }), createDocumentLane());
  await pipeline.close();
  return valueAtPath(JSON.parse(bytes.toString('utf8', 0, ends[0])), path);
}

test('interfaces: ElastiFlow’s ifName.yml; a wrong line is named, the good one is used', async () => {
  await writeFile(join(folder, 'ifName.yml'), '"192.0.2.1::ifName.2": "eth0"\n"192.0.2.1::ifName": "x"\n');
  const value = await storedValue(interfacesStep, { file: 'ifName.yml' }, { ingressInterface: 2 }, 'flow.input_ifname');
  expect(value).toBe('eth0');
  expect(warnings).toEqual([expect.stringMatching(/^ifName\.yml:2 .*"192\.0\.2\.1::ifName"/)]);
});

test('interfaces: the name in the pipeline file goes before the one in a list', async () => {
  await writeFile(join(folder, 'names.csv'), 'exporter,interface,name\n192.0.2.1,2,"eth0, left"\n192.0.2.1,3,eth1\n');
  const options = { file: ['names.csv'], names: { '192.0.2.1': { 3: 'uplink' } } };
  expect(await storedValue(interfacesStep, options, { ingressInterface: 2 }, 'flow.input_ifname')).toBe('eth0, left');
  expect(await storedValue(interfacesStep, options, { egressInterface: 3 }, 'flow.output_ifname')).toBe('uplink');
});

test('vlan-names: a file with names for all, and for one exporter', async () => {
  await writeFile(join(folder, 'vlans.yml'), '10: office\n11: guests\n192.0.2.1:\n  10: laboratory\n');
  const options = { file: 'vlans.yml' };
  expect(await storedValue(vlanNamesStep, options, { vlanId: 10 }, 'flow.vlan_name')).toBe('laboratory');
  expect(await storedValue(vlanNamesStep, options, { vlanId: 11 }, 'flow.vlan_name')).toBe('guests');
});

test('applications: ElastiFlow’s three files', async () => {
  await writeFile(join(folder, 'app_id.yml'), '"cisco_nbar2__13..453": "SSL"\n"fortinet__20..12356..7": "Skype"\n');
  await writeFile(join(folder, 'app_id.srctype.yml'), '"192.0.2.1": "fortinet"\n');
  await writeFile(join(folder, 'applications.yml'), '"192.0.2.2:9092": "kafka"\n');
  const options = {
    file: 'app_id.yml',
    vendor: 'cisco_nbar2',
    vendor_file: 'app_id.srctype.yml',
    servers_file: 'applications.yml',
  };
  const application = (fields: Readonly<Record<string, unknown>>) =>
    storedValue(applicationsStep, options, fields, 'flow.application');
  expect(await application({ applicationId: '140000304400000007' })).toBe('Skype');
  expect(await application({ applicationId: '0d0001c5' })).toBe('13..453');
  expect(await application({ applicationId: '0d0001c5', exporterIPv4Address: '192.0.2.9' })).toBe('SSL');
  expect(await application({ sourceIPv4Address: '192.0.2.2', sourceTransportPort: 9092 })).toBe('kafka');
});

describe.each([
  ['a file that is not there', undefined, 'file-missing', /^file: cannot read names\.yml/],
  ['a file without one right line', 'nothing\nof use\n', 'file-invalid', /names\.yml:1 /],
])('%s', (_title, content, code, message) => {
  test.each([
    ['interfaces', interfacesStep],
    ['vlan-names', vlanNamesStep],
    ['applications', applicationsStep],
  ] as const)('is an error of %s that names the option', async (_name, definition) => {
    if (content !== undefined) await writeFile(join(folder, 'names.yml'), content);
    const opened = storedValue(definition as StepDefinition<unknown>, { file: 'names.yml' }, {}, 'flow.vlan');
    await expect(opened).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

test('lines of application files that are wrong are named', () => {
  expect(atOnce(readApplicationIds('fortinet:\n  0..10: Skype\n13:453: SSL\nx: y\n'))).toEqual({
    entries: [
      { type: 'fortinet', id: '0..10', name: 'Skype' },
      { type: '', id: '13..453', name: 'SSL' },
    ],
    mistakes: [{ line: 4, message: expect.stringContaining('"x"') }],
  });
  expect(atOnce(readApplicationServers('192.0.2.2:99999: a\n192.0.2.300:1: b\n192.0.2.2:\n  80: c\n'))).toEqual({
    entries: [{ address: '192.0.2.2', port: 80, name: 'c' }],
    mistakes: [
      { line: 1, message: expect.stringContaining('99999') },
      { line: 2, message: expect.stringContaining('192.0.2.300') },
    ],
  });
  expect(
    atOnce(readApplicationTypes('192.0.2.0/24: fortinet\nhost: fortinet\n192.0.2.1: "a b"')).mistakes,
  ).toHaveLength(2);
});

test.each([
  ['[2001:DB8:0::1]:443', '2001:db8::1', 443],
  ['2001:db8::1:443', '2001:db8::1', 443],
  ['::ffff:192.0.2.1:80', '192.0.2.1', 80],
  ['10.0.0.1:0', '10.0.0.1', 0],
])('%s is %s and port %i', (key, address, port) => {
  expect(readServerKey(key)).toEqual({ address, port });
});

test('MAC vendors: the longest prefix counts', () => {
  const vendors = loadMacVendors();
  // 70:b3:d5 is divided into blocks of 36 bits, and belongs as a whole to nobody.
  expect(vendors.vendorOf(0x70b3d57e6123)).toBe('11811347 CANADA Inc.');
  expect(vendors.vendorOf(0x7ccbe2212345)).toBe('1000eyes GmbH');
  expect(vendors.vendorOf(0xffffffffffff)).toBeUndefined();
});
