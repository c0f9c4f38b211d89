import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { createBackOff } from '../../src/index/back-off.ts';
import { toBulkOutcome, toRetryAfterMs } from '../../src/index/bulk-result.ts';
import { createElasticsearchClient } from '../../src/index/elasticsearch-client.ts';
import { sumLedger } from '../../src/index/ledger-sums.ts';
import { noonMs } from './document-batches.ts';

describe('waits between attempts', () => {
  test('double up to their limit, between half of it and all of it', () => {
    for (const [random, share] of [
      [0, 0.5],
      [1, 1],
    ] as const) {
      const { nextMs } = createBackOff({ firstMs: 100, maxMs: 500, random: () => random });
      expect(Array.from({ length: 5 }, () => nextMs())).toEqual([100, 200, 400, 500, 500].map((ms) => ms * share));
    }
  });

  test('are as long as the server asks for, and a little longer, so that not all come at the same moment', () => {
    for (const random of [0, 0.5, 1]) {
      const { nextMs } = createBackOff({ firstMs: 100, maxMs: 500, random: () => random });
      const ms = nextMs(30_000);
      expect(ms).toBeGreaterThanOrEqual(30_000);
      expect(ms).toBeLessThanOrEqual(37_500);
    }
  });
});

describe('what is given up', () => {
  const reasons = [
    [
      'because its time is over',
      () => AbortSignal.timeout(30),
      { code: 'sink-unavailable', message: /no answer in time$/ },
    ],
    ['because weir is stopping', () => AbortSignal.abort(), { code: 'stopped', message: /weir is stopping$/ }],
  ] as const;

  test.each(reasons)('%s says so: a wait', async (_, signal, { code, message }) => {
    const { wait } = createBackOff({ firstMs: 60_000, maxMs: 60_000, random: () => 1 });
    await expect(wait(signal())).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test.each(reasons)('%s says so: a question to a server that is silent', async (_, signal, { code, message }) => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const client = createElasticsearchClient({ nodes: [`http://127.0.0.1:${port}`] });
    const asked = sumLedger(client, { pipeline: 'flow', sinceMs: 0 }, signal());
    await expect(asked).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await client.close();
    server.closeAllConnections();
    server.close();
  });
});

describe('Retry-After', () => {
  test.each([
    ['7', 7000],
    [' 0 ', 0],
    ['Tue, 24 Nov 2026 12:00:05 GMT', 5000],
    ['Tue, 24 Nov 2026 11:00:00 GMT', 0],
    // No longer than five minutes: whoever mends it sooner need not wait.
    ['86400', 300_000],
    ['soon', undefined],
    ['', undefined],
    ['-1', undefined],
    ['99999999999999999999', undefined],
  ])('of "%s" is %s ms', (text, ms) => {
    expect(toRetryAfterMs(text, noonMs)).toBe(ms);
  });

  test.each([429, 502, 503, 504])('of HTTP %d is what the writer waits for', (status) => {
    const answer = { status, json: undefined, text: '', location: undefined, retryAfter: '7', node: 'http://es:9200' };
    expect(toBulkOutcome(answer, 1, noonMs)).toEqual({
      kind: 'wait',
      reason: `HTTP ${status}`,
      isBusy: true,
      retryAfterMs: 7000,
    });
  });
});
