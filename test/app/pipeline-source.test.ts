// Where a pipeline file comes from: a file, a pipe, a device. None of them may hold weir.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadPipelineFile } from '../../src/app/pipeline-source.ts';
import { readTlsFiles } from '../../src/collect/tls-files.ts';
import { openRedis } from '../../src/enqueue/redis-connection.ts';
import { readTlsSettings } from '../../src/index/elasticsearch-trust.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

let folder = '';
let pipe = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-source-'));
  pipe = join(folder, 'pipe.yml');
  execFileSync('mkfifo', [pipe]);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a pipeline file', () => {
  test('may be a pipe that is written to a little later', async () => {
    const writer = spawn('sh', ['-c', `sleep 0.3; printf 'name: late\\n' > "$1"; `, 'sh', pipe]);
    const file = loadPipelineFile(pipe);
    await expect(file).rejects.toThrow('steps is missing');
    await new Promise((resolve) => (writer.exitCode === null ? writer.once('exit', resolve) : resolve(undefined)));
  });

  test('that is a pipe that nobody writes to is given up', async () => {
    await expect(loadPipelineFile(pipe, 200)).rejects.toThrow(`${pipe}: nothing comes out of it`);
  });

  test('that is a device without end is given up', async () => {
    await expect(loadPipelineFile('/dev/zero')).rejects.toThrow('larger than 1 MiB');
  });

  test('that is empty says so at once', async () => {
    const empty = join(folder, 'empty.yml');
    writeFileSync(empty, '');
    await expect(loadPipelineFile(empty)).rejects.toThrow('the file is empty');
  });

  test('has no variables in the default of a variable', async () => {
    const nested = join(folder, 'nested.yml');
    writeFileSync(nested, `name: a\nsteps: []\nstate: "\${A:\${B:c}}"\n`);
    await expect(loadPipelineFile(nested)).rejects.toThrow(
      'nested.yml:3:9 the default of the variable A has a variable in it',
    );
  });
});

describe('a certificate that is a pipe is refused', () => {
  test('of the collector', async () => {
    const files = {
      certificateFile: pipe,
      keyFile: pipe,
      clientCertificates: 'optional',
    } as const;
    await expect(readTlsFiles(files)).rejects.toThrow(`can't read ${pipe}: it is no file`);
  });

  test('of Elasticsearch', () => {
    expect(() => readTlsSettings({ caFile: pipe })).toThrow(`${pipe} can't be read (it is a pipe)`);
  });

  test('of Redis', () => {
    const settings = { nodes: [{ host: '127.0.0.1', port: 1 }], mode: 'single', tls: true, caFile: pipe, database: 0 };
    expect(() => openRedis({ settings, kind: 'producer', logger: silentLogger, now: Date.now } as never)).toThrow(
      `queue.ca_file: can't read ${pipe} (it is a pipe)`,
    );
  });
});
