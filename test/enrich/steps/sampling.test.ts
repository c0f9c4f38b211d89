import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlowDocument } from '../../../src/enrich/flow-document.ts';
import { type SamplingOptions, samplingStep } from '../../../src/enrich/steps/sampling.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

describe('sampling', () => {
  it('multiplies by the interval that the exporter tells', async () => {
    const flow = flowWith({ bytes: 1500, packets: 2, samplingInterval: 100, samplingSource: 'record' });
    await applied({ default: 7 }, flow);
    expect(flow).toMatchObject({ bytes: 150_000, packets: 200, samplingInterval: 100, samplingSource: 'record' });
  });

  it('leaves counts alone when nobody tells an interval', async () => {
    const flow = flowWith({ bytes: 1844, packets: 25, samplingInterval: 0, samplingSource: 'header' });
    await applied({}, flow);
    expect(flow).toMatchObject({ bytes: 1844, packets: 25, samplingInterval: 0, samplingSource: 'header' });
  });

  it('takes an interval of 0 in a NetFlow v5 header for “not told”: the default counts', async () => {
    const flow = flowWith({ bytes: 100, packets: 1, samplingInterval: 0, samplingSource: 'header' });
    await applied({ default: { '10.0.0.0/8': 1000 } }, flow);
    expect(flow).toMatchObject({ bytes: 100_000, packets: 1000, samplingInterval: 1000, samplingSource: 'default' });
  });

  it('takes an interval of 1 in a header for “every packet”: no default counts', async () => {
    const flow = flowWith({ bytes: 100, packets: 1, samplingInterval: 1, samplingSource: 'header' });
    await applied({ default: 1000 }, flow);
    expect(flow).toMatchObject({ bytes: 100, packets: 1, samplingInterval: 1, samplingSource: 'header' });
  });

  it('has an override go before everything, and 1 multiplies nothing', async () => {
    const flow = flowWith({ bytes: 100, packets: 1, samplingInterval: 512, samplingSource: 'options' });
    await applied({ default: 1000, override: { '10.0.0.1': 1 } }, flow);
    expect(flow).toMatchObject({ bytes: 100, packets: 1, samplingInterval: 1, samplingSource: 'override' });
  });

  it.each([
    ['the interface that it came in by', { inputSnmp: 1, outputSnmp: 2 }, 512],
    [
      'the interface that it went out by, where it was metered there',
      { inputSnmp: 1, outputSnmp: 2, direction: 1 },
      64,
    ],
    ['neither, where that one is not listed', { inputSnmp: 3, outputSnmp: 2 }, 7],
    ['neither, where there is no interface', {}, 7],
  ])('has the interval of an exporter go by %s', async (_title, interfaces, expected) => {
    const flow = flowWith({ bytes: 1, packets: 1, ...interfaces });
    await applied({ default: 7, override: { '10.0.0.0/8': 100, '10.0.0.1': { 1: 512, 2: 64 } } }, flow);
    expect(flow.samplingInterval).toBe(expected);
  });

  it.each([{ '-1': 5 }, { eth0: 5 }, { 4294967296: 5 }, { 1: 0 }])('refuses intervals of interfaces %j', (given) => {
    expect(samplingStep.options.safeParse({ default: { '10.0.0.1': given } }).success).toBe(false);
  });

  it('gives exporters outside of every subnet neither default nor override', async () => {
    const flow = flowWith({ exporter: '192.0.2.1', bytes: 100, packets: 1 });
    await applied({ default: { '10.0.0.0/8': 1000 }, override: { '10.0.0.0/8': 10 } }, flow);
    expect(flow).toMatchObject({ bytes: 100, packets: 1, samplingInterval: undefined, samplingSource: undefined });
  });

  it('answers alike the first and every further time', async () => {
    const step = await samplingStep.create(
      { default: { '10.0.0.0/8': 1000, '10.0.0.0/24': 10 } },
      { folder: '.', logger: silentLogger },
    );
    for (const [exporter, bytes] of [
      ['10.0.0.1', 1000],
      ['10.0.1.1', 100_000],
      ['11.0.0.1', 100],
      ['10.0.0.1', 1000],
      ['11.0.0.1', 100],
    ] as const) {
      const flow = flowWith({ exporter, bytes: 100 });
      step.apply?.(flow);
      expect(flow.bytes).toBe(bytes);
    }
  });

  it('leaves absent counts absent', async () => {
    const flow = flowWith({ samplingInterval: 10, packets: 3 });
    await applied({}, flow);
    expect(flow.bytes).toBeUndefined();
    expect(flow.packets).toBe(30);
  });

  it('multiplies exactly, also beyond 2^53', async () => {
    const step = await samplingStep.create({}, { folder: '.', logger: silentLogger });
    fc.assert(
      fc.property(fc.bigInt(0n, 2n ** 64n - 1n), fc.integer({ min: 1, max: 2 ** 32 - 1 }), (count, interval) => {
        const bytes = count <= Number.MAX_SAFE_INTEGER ? Number(count) : count.toString();
        const flow = flowWith({ bytes, samplingInterval: interval, samplingSource: 'record' });
        step.apply?.(flow);
        const product = count * BigInt(interval);
        if (interval > 1 && product >= 2n ** 63n) expect(flow.bytes).toBeUndefined();
        else expect(BigInt(flow.bytes ?? -1)).toBe(product);
      }),
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -5, 1e300, 1.5])(
    'throws nothing for an interval of %d',
    async (interval) => {
      for (const bytes of [1500, '18446744073709551615', 'many', 1.5, -1, Number.NaN]) {
        const flow = flowWith({ bytes, packets: 2, samplingInterval: interval, samplingSource: 'record' });
        await expect(applied({}, flow)).resolves.toBeUndefined();
      }
    },
  );
});

describe('the options of sampling', () => {
  it.each([
    {},
    { default: 1000 },
    { default: { '10.0.0.0/8': 1000, '2001:db8::/32': 1, '192.0.2.1': 64 }, override: 1 },
    { default: {} },
  ])('can be %j', (options) => {
    expect(samplingStep.options.safeParse(options).error).toBeUndefined();
  });

  it.each([
    { default: 0 },
    { default: -1 },
    { default: 1.5 },
    { default: '1000' },
    { default: 2 ** 32 },
    { default: { '10.0.0.0/33': 1000 } },
    { default: { router: 1000 } },
    { default: { '10.0.0.0/8': 0 } },
    { defaults: 1000 },
  ])('cannot be %j', (options) => {
    expect(samplingStep.options.safeParse(options).success).toBe(false);
  });
});

function flowWith(fields: Partial<FlowDocument>): FlowDocument {
  return Object.assign(new FlowDocument(), { exporter: '10.0.0.1' }, fields);
}

async function applied(options: SamplingOptions, flow: FlowDocument): Promise<void> {
  const step = await samplingStep.create(options, { folder: '.', logger: silentLogger });
  expect(step.apply?.(flow)).not.toBe(false);
}
