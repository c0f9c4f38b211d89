// The built program, asked as a Prometheus, an orchestrator and `weir healthcheck` ask it.

import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../servers/free-port.ts';
import { createFlowSender } from './numbered-flows.ts';
import { program, startWeir, type WeirProcess, waitUntil } from './weir-process.ts';

let folder: string;
let weir: WeirProcess | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-telemetry-'));
});
afterEach(async () => {
  await weir?.stop('SIGKILL');
  weir = undefined;
  await rm(folder, { recursive: true });
});

function healthcheck(...args: readonly string[]): { status: number | null; stdout: string } {
  const { status, stdout } = spawnSync(process.execPath, [
    program,
    'healthcheck',
    join(folder, 'pipeline.yml'),
    ...args,
  ]);
  return { status, stdout: stdout.toString() };
}

async function sumOf(address: string, name: string): Promise<number> {
  const text = await (await fetch(`${address}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

describe('weir run', () => {
  test('counts each flow from the datagram to the document, and is ready', async () => {
    const address = `http://127.0.0.1:${await freePort()}`;
    weir = await startWeir({ folder, telemetry: `{ http: "${new URL(address).host}" }` });
    await waitUntil(async () => (await fetch(`${address}/readyz`)).status === 200, 10_000, 'ready');
    expect(await (await fetch(`${address}/readyz`)).json()).toEqual({
      ready: true,
      checks: { ports: 'ok', queue: 'ok', index: 'ok' },
    });
    const sender = createFlowSender(weir.port);
    const sent = await sender.send(300);
    sender.close();
    const nonsense = createSocket('udp4');
    await new Promise<void>((resolve) => nonsense.send('nonsense', weir?.port, '127.0.0.1', () => resolve()));
    nonsense.close();
    const indexed = 'weir_index_documents_indexed_total';
    await waitUntil(async () => (await sumOf(address, indexed)) >= sent, 10_000, 'documents indexed');
    for (const name of ['weir_decode_records_decoded_total', 'weir_enqueue_records_queued_total', indexed])
      expect(await sumOf(address, name), name).toBe(sent);
    await waitUntil(async () => (await sumOf(address, 'weir_decode_faults_counted_total')) === 1, 5000, 'the fault');
    expect(healthcheck()).toEqual({ status: 0, stdout: 'ready\n' });
    expect(healthcheck('--live')).toEqual({ status: 0, stdout: 'alive\n' });
    expect((await weir.stop()).code).toBe(0);
    const { status, stdout } = healthcheck();
    expect(status).toBe(1);
    expect(stdout).toMatch(/^no answer from http:.*: ECONNREFUSED\n$/);
  });

  test('is alive and not ready while Elasticsearch is away, and says why', async () => {
    const [port, away] = [await freePort(), await freePort()];
    weir = await startWeir({
      folder,
      index: `{ elasticsearch: { nodes: [ "http://127.0.0.1:${away}" ] } }`,
      telemetry: `{ http: "127.0.0.1:${port}", token: "a-long-token" }`,
    });
    await waitUntil(() => weir?.output().includes('weir is ready') === true, 10_000, 'started');
    const ready = `http://127.0.0.1:${port}/readyz`;
    const headers = { authorization: 'Bearer a-long-token' };
    await waitUntil(
      async () => ((await (await fetch(ready, { headers })).json()) as { checks: object }).checks !== undefined,
      5000,
      'checks',
    );
    const trusted = await fetch(ready, { headers });
    expect([trusted.status, await trusted.json()]).toEqual([
      503,
      { ready: false, checks: { ports: 'ok', queue: 'ok', index: expect.stringContaining('ECONNREFUSED') } },
    ]);
    expect(await (await fetch(ready)).json()).toEqual({ ready: false });
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(401);
    expect(healthcheck('--live').status).toBe(0);
    expect(healthcheck()).toEqual({ status: 1, stdout: expect.stringMatching(/^not ready: index: .*ECONNREFUSED/) });
  });

  test('does not start when the address that its file names is taken, and names the key', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as { port: number };
    const start = startWeir({ folder, telemetry: `{ http: "127.0.0.1:${port}" }` });
    await expect(start).rejects.toThrow(
      /ended with 2:[\s\S]*telemetry\.http: http:\/\/127\.0\.0\.1:\d+ can't be opened/,
    );
    taken.close();
  });
});
