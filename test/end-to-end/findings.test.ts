// The built program behind a gateway: two exporters that come by one address are named in the log and in /metrics.

import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ipfix, ipfixTemplate, set, uint } from '../decode/datagram-builder.ts';
import { startWeir, waitUntil } from './weir-process.ts';

it('two exporters behind one address are named, and no loss is made up of them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-findings-'));
  const weir = await startWeir({ folder, telemetry: '{ http: "127.0.0.1:0" }' });
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
  } finally {
    socket.close();
    await weir.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
