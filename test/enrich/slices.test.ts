// Tables and lists of any length are made in slices: between them datagrams are received and batches go on.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAddressLabels } from '../../src/enrich/address-labels.ts';
import { createRangeTable } from '../../src/enrich/range-table.ts';
import { inSlices, itemsAtOnce, linesOf, type Slices } from '../../src/enrich/slices.ts';
import { hostnameStep } from '../../src/enrich/steps/hostname.ts';
import { lookupStep } from '../../src/enrich/steps/lookup.ts';
import { reputationStep } from '../../src/enrich/steps/reputation.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

const count = 40 * itemsAtOnce;
const addresses = Array.from({ length: count }, (_, i) => `198.${18 + (i >>> 16)}.${(i >>> 8) & 255}.${i & 255}`);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-slices-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('the result is the same, and there is a turn of the event loop for each slice', async () => {
  function* work(): Slices<string> {
    yield;
    yield;
    return 'done';
  }
  let turns = 0;
  const counting = (async () => {
    for (; turns < 100; turns++) await setImmediate();
  })();
  expect(await inSlices(work())).toBe('done');
  expect(turns).toBeGreaterThanOrEqual(1);
  expect(turns).toBeLessThan(10);
  await counting;
});

test('lines are those of split', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '\n', '\r', '\uFEFF'), maxLength: 12 });
  fc.assert(
    fc.property(text, (lines) => {
      expect([...linesOf(lines)]).toEqual(lines.replace(/^\uFEFF/, '').split('\n'));
    }),
  );
});

function slicesOf(work: Slices<unknown>): number {
  let slices = 0;
  while (work.next().done !== true) slices += 1;
  return slices;
}

describe('no slice has more than its items', () => {
  test.each([1, 2, 4] as const)('when a table of %i words is built', (width) => {
    const builder = createRangeTable(width);
    // The last word is the one in which numbers differ, and where they lie in clusters.
    for (let i = 0; i < count; i++) {
      const words = new Uint32Array(width).fill(7);
      words[width - 1] = i * (i % 97) * 16;
      builder.add(words, words, i);
    }
    expect(slicesOf(builder.build(() => undefined))).toBeGreaterThan(count / itemsAtOnce);
  });

  test('when lists are put together', () => {
    const labels = ['a'];
    const work = createAddressLabels(addresses.map((address) => ({ address, labels })));
    expect(slicesOf(work)).toBeGreaterThan((2 * count) / itemsAtOnce);
  });
});

test.each([
  ['lookup, CSV', lookupStep, 'csv', (address: string) => `${address},a`, 'net,site'],
  ['lookup, YAML', lookupStep, 'yml', (address: string) => `${address}: a`, ''],
  ['reputation, text', reputationStep, 'txt', (address: string) => address, ''],
  ['reputation, CSV', reputationStep, 'csv', (address: string) => `${address},a`, 'ip,label'],
  ['reputation, YAML', reputationStep, 'yml', (address: string) => `${address}: a`, ''],
  ['reputation, JSON', reputationStep, 'json', (address: string) => JSON.stringify({ ip: address }), ''],
  ['hostname', hostnameStep, 'hosts', (address: string) => `${address} a`, ''],
] as const)('other work goes on while a long file is read: %s', async (_, step, ending, toLine, first) => {
  const file = `long.${ending}`;
  await writeFile(join(folder, file), `${[first, ...addresses.map(toLine)].join('\n')}\n`);
  const given: Readonly<Record<string, unknown>> = {
    lookup: { by: 'flow.src_addr', file, set: { 'labels.site': ending === 'yml' ? 'value' : 'site' } },
    reputation: { lists: [file] },
    hostname: { file, dns: false },
  };
  const options = step.options.parse(given[step.name]);
  let turns = 0;
  let isOpen = false;
  const counting = (async () => {
    for (; !isOpen; turns++) await setImmediate();
  })();
  const opened = await step.create(options as never, { folder, logger: silentLogger });
  isOpen = true;
  await counting;
  expect(turns).toBeGreaterThan((2 * count) / itemsAtOnce);
  await opened.close?.();
});
