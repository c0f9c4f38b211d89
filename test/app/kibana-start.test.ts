import { afterEach, beforeEach, expect, test } from 'vitest';
import { createKibanaStart, type KibanaStart } from '../../src/app/kibana-start.ts';
import { createLogger } from '../../src/telemetry/logger.ts';
import { waitUntil } from '../end-to-end/weir-process.ts';
import { type KibanaDouble, startKibanaDouble } from '../servers/kibana-double.ts';

let kibana: KibanaDouble;
let started: KibanaStart | undefined;
let log: string;
beforeEach(async () => {
  kibana = await startKibanaDouble();
  log = '';
});
afterEach(async () => {
  await started?.stop();
  await kibana.stop();
});

function start(firstPauseMs = 5): void {
  const logger = createLogger({
    write: (line) => {
      log += line;
    },
  });
  started = createKibanaStart({ target: { url: kibana.url }, logger, firstPauseMs, random: () => 1 });
  started.start();
}

test('a Kibana that is away at first gets the dashboards when it answers', async () => {
  let refusals = 0;
  kibana.before = () => {
    refusals += 1;
    return refusals > 3 ? undefined : { status: 500, body: '<html>bad gateway</html>' };
  };
  start();
  await waitUntil(
    () => log.includes('the dashboards are in Kibana'),
    20_000,
    () => log,
  );
  expect([...kibana.objects.keys()].filter((key) => key.startsWith('default/dashboard/')).length).toBeGreaterThan(10);
});

test('a Kibana that refuses is told once, and not asked again', async () => {
  kibana.version = '8.1.0';
  start();
  await waitUntil(
    () => log.includes('the dashboards are not in Kibana'),
    20_000,
    () => log,
  );
  const asked = kibana.seen.length;
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(kibana.seen).toHaveLength(asked);
  expect(log).toContain('it is version 8.1.0');
});

test('a stop does not wait for a Kibana that is starting', async () => {
  kibana.before = () => ({ status: 503, body: '{}' });
  start();
  await waitUntil(() => kibana.seen.length > 0, 20_000, 'the first request');
  await started?.stop();
  expect(log).toBe('');
});
