// The main job on the Node that runs this file: build, start, one NetFlow v5 datagram in, one document out, an orderly end.
// Plain JavaScript without a test runner, so that it runs on any Node: test/every-node.sh.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Of this clone, or of an install that is named. */
const program = process.argv[2] ?? fileURLToPath(new URL('../dist/app/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'weir-smoke-'));
const environment = { ...process.env, ELASTICSEARCH_URL: '', REDIS_URL: '' };

try {
  const help = spawnSync(process.execPath, [program, '--help'], { encoding: 'utf8' });
  assert.equal(help.status, 0, help.stderr);
  const check = spawnSync(process.execPath, [program, 'check'], { encoding: 'utf8', env: environment });
  assert.equal(check.status, 0, check.stderr);

  const pipeline = join(folder, 'pipeline.yml');
  writeFileSync(
    pipeline,
    `name: smoke
listen: [ "udp://127.0.0.1:0" ]
telemetry: { http: "127.0.0.1:0" }
state: ${JSON.stringify(join(folder, 'state'))}
steps: [ sampling, server, services, geoip, asn, locality ]
index: { files: { directory: ${JSON.stringify(join(folder, 'flows'))} } }
`,
  );
  const weir = spawn(process.execPath, [program, 'run', pipeline], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: environment,
  });
  const ended = new Promise((resolve) => weir.on('exit', (code, signal) => resolve({ code, signal })));
  let output = '';
  const port = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no port was opened: ${output}`)), 20_000);
    const read = (data) => {
      output += data;
      const found = /udp:\/\/127\.0\.0\.1:(\d+)/.exec(output);
      if (found !== null && found[1] !== '0') {
        clearTimeout(timer);
        resolve(Number(found[1]));
      }
    };
    weir.stdout.on('data', read);
    weir.stderr.on('data', read);
  });

  const socket = createSocket('udp4');
  await new Promise((resolve, reject) =>
    socket.send(toNetflow5(), port, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
  );
  socket.close();
  await waitUntil(() => readDocuments().length > 0, 5000);
  const [page] = /http:\/\/127\.0\.0\.1:\d+\//.exec(output) ?? assert.fail(`no status page: ${output}`);
  for (const path of ['', 'api/status', 'metrics']) assert.equal((await fetch(new URL(path, page))).status, 200, path);
  weir.kill('SIGTERM');
  assert.deepEqual(await ended, { code: 0, signal: null }, output);

  const [document, ...more] = readDocuments();
  assert.equal(more.length, 0);
  assert.equal(document.flow.src_addr, '10.0.0.115');
  assert.equal(document.flow.dst_addr, '8.8.8.8');
  assert.equal(document.flow.bytes, 1844);
  assert.equal(document.flow.service_name, 'https (TCP/443)');
  assert.equal(document.flow.server_addr, '8.8.8.8');
  assert.equal(document.flow.dst_country_code, 'US');
  assert.match(document.flow.dst_autonomous_system, /\(15169\)$/);
  assert.equal(document.flow.traffic_locality, 'public');
  console.log('ok: check, run, one flow, stop');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function readDocuments() {
  let names = [];
  try {
    names = readdirSync(join(folder, 'flows')).filter((name) => name.includes('.ndjson'));
  } catch {}
  return names.flatMap((name) =>
    readFileSync(join(folder, 'flows', name), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line)),
  );
}

async function waitUntil(condition, limitMs) {
  for (const endMs = Date.now() + limitMs; !condition(); ) {
    assert.ok(Date.now() < endMs, 'no document came in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function toNetflow5() {
  const datagram = Buffer.alloc(24 + 48);
  datagram.writeUInt16BE(5, 0);
  datagram.writeUInt16BE(1, 2);
  datagram.writeUInt32BE(100_000, 4);
  datagram.writeUInt32BE(Math.floor(Date.now() / 1000), 8);
  datagram.set([10, 0, 0, 115, 8, 8, 8, 8], 24);
  datagram.writeUInt32BE(25, 24 + 16);
  datagram.writeUInt32BE(1844, 24 + 20);
  datagram.writeUInt32BE(90_000, 24 + 24);
  datagram.writeUInt32BE(95_000, 24 + 28);
  datagram.writeUInt16BE(43_173, 24 + 32);
  datagram.writeUInt16BE(443, 24 + 34);
  datagram.writeUInt8(31, 24 + 37);
  datagram.writeUInt8(6, 24 + 38);
  return datagram;
}
