import { describe, expect, it } from 'vitest';
import { DescribedAddress } from '../../../src/enrich/address-cache.ts';
import { FlowDocument } from '../../../src/enrich/flow-document.ts';
import { servicesStep } from '../../../src/enrich/steps/services.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

describe('services', () => {
  it.each([
    ['a known and an unknown port', { protocol: 6, srcPort: 43_173, dstPort: 443 }, 'TCP/43173', 'https (TCP/443)'],
    ['port 0', { protocol: 17, srcPort: 0, dstPort: 53 }, 'UDP/0', 'domain (UDP/53)'],
    ['a missing port', { protocol: 6, dstPort: 443 }, undefined, 'https (TCP/443)'],
    ['a protocol without ports', { protocol: 47 }, 'GRE/0', 'GRE/0'],
    ['ICMP in NetFlow v5', { protocol: 1, srcPort: 0, dstPort: 2048 }, 'ICMP/0', 'ICMP/2048'],
    ['a protocol without a name', { protocol: 253 }, 'UNKNOWN(253)/0', 'UNKNOWN(253)/0'],
    ['no protocol', { srcPort: 43_173, dstPort: 443 }, undefined, undefined],
  ])('%s', async (_title, fields, src, dst) => {
    const step = await servicesStep.create({}, { folder: '.', logger: silentLogger });
    const flow = Object.assign(new FlowDocument(), fields);
    expect(step.apply?.(flow)).not.toBe(false);
    expect([flow.srcPortName, flow.dstPortName]).toEqual([src, dst]);
  });

  it.each([
    ['10.1.2.3', 4, 'lab (TCP/8443)'],
    ['10.9.9.9', 4, 'office (TCP/8443)'],
    ['::ffff:10.1.2.3', 6, 'lab (TCP/8443)'],
    ['192.0.2.1', 4, 'my-admin (TCP/8443)'],
    ['0.0.0.0', 4, 'my-admin (TCP/8443)'],
  ] as const)('names a port of %s by its longest prefix', async (address, version, expected) => {
    const options = servicesStep.options.parse({
      names: { 'tcp/8443': 'my-admin' },
      addresses: { '10.0.0.0/8': { 'tcp/8443': 'office' }, '10.1.0.0/16': { 'tcp/8443': 'lab' } },
    });
    const step = await servicesStep.create(options, { folder: '.', logger: silentLogger });
    const flow = Object.assign(new FlowDocument(), { protocol: 6, srcPort: 8443 + 65_536, dstPort: 8443 });
    flow.src = new DescribedAddress('10.1.2.3', 4, true);
    flow.dst = new DescribedAddress(address, version, false);
    step.apply?.(flow);
    expect([flow.srcPortName, flow.dstPortName]).toEqual(['TCP/73979', expected]);
  });

  it('takes names of the user', async () => {
    const step = await servicesStep.create(
      { names: { 'tcp/8443': 'my-admin' } },
      { folder: '.', logger: silentLogger },
    );
    const flow = Object.assign(new FlowDocument(), { protocol: 6, srcPort: 8443, dstPort: 443 });
    step.apply?.(flow);
    expect([flow.srcPortName, flow.dstPortName]).toEqual(['my-admin (TCP/8443)', 'https (TCP/443)']);
  });

  it.each([
    { names: { '8443': 'a' } },
    { names: { 'tcp/99999': 'a' } },
    { names: { 'tcp/80': '' } },
    { names: { 'tcp/80': 'a\nb' } },
    { name: {} },
  ])('refuses %j', (options) => {
    expect(servicesStep.options.safeParse(options).success).toBe(false);
  });
});
