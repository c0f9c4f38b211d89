// The built program behind a gateway: two exporters that come by one address are named in the log and in /metrics.

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import type { Finding } from '../../src/model/finding.ts';
import { ipfix, ipfixTemplate, set, uint } from '../decode/datagram-builder.ts';
import { describeWith } from '../needs.ts';
import { freePort } from '../servers/free-port.ts';
import { startRedis } from '../servers/redis.ts';
import { program, startWeir, type WeirOptions, waitUntil } from './weir-process.ts';

async function expectTrapIsNamed(options: Partial<WeirOptions>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-findings-'));
  const weir = await startWeir({ folder, telemetry: `{ http: "127.0.0.1:${await freePort()}" }`, ...options });
  const socket = createSocket('udp4');
  try {
    const template = set(
      2,
      ipfixTemplate({
        id: 256,
        fields: [
          { id: 8, length: 4 },
          { id: 1, length: 4 },
        ],
      }),
    );
    const send = (sequence: number): Promise<void> => {
      const sets = [template, set(256, uint(167_772_161, 4), uint(1500, 4))];
      const payload = ipfix(sets, { sequence, exportSeconds: Math.floor(Date.now() / 1000) });
      return new Promise((resolve, reject) => {
        socket.send(payload, weir.port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
      });
    };
    for (let i = 0; i < 60; i++) {
      await send(1000 + i);
      await send(5_000_000 + i);
    }
    await waitUntil(() => weir.output().includes('"finding":"gateway-trap"'), 30_000, weir.output);
    expect(weir.output()).toContain('127.0.0.1 is several exporters: 2 sequence counters take turns');
    const page = /"page":"([^"]+)"/.exec(weir.output())?.[1];
    const metrics = await (await fetch(`${page}metrics`)).text();
    expect(metrics).toContain('weir_decode_findings_open{exporter="127.0.0.1",finding="gateway-trap"} 1');
    expect(metrics).toContain('weir_collect_records_missed_total{exporter="127.0.0.1"} 0');
    expect(metrics).toContain('weir_decode_records_decoded_total{exporter="127.0.0.1",protocol="ipfix"} 120');
    const doctor = spawn(process.execPath, [program, 'doctor', join(folder, 'pipeline.yml'), '--json'], {
      env: { ...process.env, ELASTICSEARCH_URL: '', REDIS_URL: '' },
    });
    const { findings } = JSON.parse(await text(doctor.stdout)) as { readonly findings: readonly Finding[] };
    expect(findings.find(({ id }) => id === 'gateway-trap')).toMatchObject({
      severity: 'error',
      title: '127.0.0.1 is several exporters: 2 sequence counters take turns behind this one address',
      fix: expect.arrayContaining([expect.stringContaining('network_mode: host')]),
    });
  } finally {
    socket.close();
    await weir.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

it('two exporters behind one address are named, and no loss is made up of them', () => expectTrapIsNamed({}), 60_000);

describeWith(['redis'], 'a listener with workers', () => {
  it('names them, too', async () => {
    const redis = await startRedis();
    try {
      await expectTrapIsNamed({ verb: ['listen', '--workers', '2'], settings: `queue: { redis: "${redis.url}" }` });
    } finally {
      await redis.stop();
    }
  }, 60_000);
});
