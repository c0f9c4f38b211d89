// `weir replay --diff`: what it says must be what two replays into files differ by.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { type DiffReportOptions, reportDiff } from '../../../src/app/replay/diff-report.ts';
import { createDocumentDifferences } from '../../../src/app/replay/document-differences.ts';
import { replay } from '../../../src/app/replay/replay.ts';
import type { ReplayRunOptions } from '../../../src/app/replay/replay-run.ts';
import { program, readDocuments } from '../../end-to-end/weir-process.ts';
import { captureTraffic } from './captured-traffic.ts';

const folder = mkdtempSync(join(tmpdir(), 'weir-diff-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const traffic = captureTraffic({ flows: 600 });
const capture = join(folder, 'capture.pcap');
writeFileSync(capture, traffic.file);

function writePipeline(name: string, steps: string, more = ''): string {
  const path = join(folder, `${name}.yml`);
  writeFileSync(
    path,
    `name: ${name}
state: ${JSON.stringify(join(folder, name, 'state'))}
telemetry: { http: off }
index: { files: { directory: ${JSON.stringify(join(folder, name, 'flows'))} } }
steps: ${steps}
${more}`,
  );
  return path;
}

const plain = writePipeline('plain', '[ sampling, server, services, locality ]');

const shared: ReplayRunOptions = {
  paths: [capture],
  input: (async function* () {})(),
  times: 'original',
  rate: { unit: 'max' },
  loops: 1,
  exporters: undefined,
  quiet: true,
  logLevel: 'error',
  writeAside: () => undefined,
  isTerminal: false,
  stopSignal: new Promise(() => undefined),
};

async function diff(other: string, options: Partial<DiffReportOptions> = {}) {
  return reportDiff({ ...shared, pipeline: plain, other, maxExamples: 5, json: true, ...options });
}

async function documentsOf(name: string, path: string): Promise<Map<string, number>> {
  await replay({ ...shared, pipeline: path, to: undefined, isOffline: true });
  const counts = new Map<string, number>();
  for (const document of readDocuments(join(folder, name))) {
    const text = JSON.stringify(document);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return counts;
}

describe('weir replay --diff', () => {
  it('of a pipeline and itself finds every document the same', async () => {
    const { text, isDifferent } = await diff(plain);
    expect(isDifferent).toBe(false);
    expect(JSON.parse(text)).toMatchObject({
      flows: traffic.flows,
      same: traffic.flows,
      changed: 0,
      added: 0,
      dropped: 0,
      fields: [],
      examples: [],
    });
  });

  it('counts what two replays into files differ by', async () => {
    const other = writePipeline(
      'other',
      `[ sampling, services, locality, { drop: { when: { flow.dst_port: 443 } } } ]`,
    );
    const [before, after] = [await documentsOf('plain', plain), await documentsOf('other', other)];
    const sumOf = (counts: Map<string, number>) => [...counts.values()].reduce((sum, count) => sum + count, 0);
    let same = 0;
    for (const [text, count] of before) same += Math.min(count, after.get(text) ?? 0);
    const { text, isDifferent } = await diff(other);
    const result = JSON.parse(text);
    expect(isDifferent).toBe(true);
    expect(result.dropped).toBe(sumOf(before) - sumOf(after));
    expect(result.dropped).toBeGreaterThan(0);
    expect(result.droppedByStepsAfter).toEqual({ drop: result.dropped });
    expect(result.droppedByStepsBefore).toEqual({});
    expect(result).toMatchObject({ same, added: 0, changed: sumOf(after) - same });
    expect(result.examples.length).toBe(5);
    for (const { file, datagram, exporter } of result.examples) {
      expect(file).toBe(capture);
      expect(datagram).toBeGreaterThanOrEqual(1);
      expect(datagram).toBeLessThanOrEqual(traffic.datagrams);
      expect(exporter).toMatch(/^10\.7\.0\.[1-4]$/);
    }
  });

  it('names each changed field with its values, the same both ways round', async () => {
    const labelled = writePipeline(
      'labelled',
      '[ sampling, server, services, locality, { fields: { set: { flow.tos: 7, labels.site: a } } } ]',
    );
    const forth = JSON.parse((await diff(labelled)).text);
    const back = JSON.parse((await diff(plain, { pipeline: labelled })).text);
    expect(forth.changed + forth.same).toBe(traffic.flows);
    expect(forth.fields.find(({ field }: { field: string }) => field === 'labels.site')).toEqual({
      field: 'labels.site',
      changed: 0,
      onlyBefore: 0,
      onlyAfter: traffic.flows,
    });
    expect(forth.examples[0].fields['labels.site']).toEqual({ after: 'a' });
    expect(forth.examples[0].fields['flow.tos'].after).toBe(7);
    expect(back.fields).toEqual(
      forth.fields.map((each: { onlyBefore: number; onlyAfter: number }) => ({
        ...each,
        onlyBefore: each.onlyAfter,
        onlyAfter: each.onlyBefore,
      })),
    );
    expect(back.examples[0].fields['labels.site']).toEqual({ before: 'a' });
  });

  it('compares flow by flow where the two decode differently', async () => {
    const inner = writePipeline('inner', '[ sampling, server, services, locality ]', 'decode: { tunnels: inner }\n');
    const result = JSON.parse((await diff(inner)).text);
    // None of the sampled packets is in a tunnel.
    expect(result).toMatchObject({ same: traffic.flows, changed: 0, added: 0, dropped: 0 });
  });

  it('of the built program: exit code 0 the same, 1 different, 2 not done', async () => {
    const run = (...args: string[]) =>
      promisify(execFile)(process.execPath, [program, 'replay', capture, '--pipeline', plain, ...args], {
        cwd: folder,
        env: { PATH: process.env['PATH'] },
      }).then(
        ({ stdout }) => ({ code: 0, stdout, stderr: '' }),
        (error: { code: number; stdout: string; stderr: string }) => error,
      );
    expect((await run('--diff', plain)).code).toBe(0);
    const other = writePipeline('third', '[ sampling, services, locality ]');
    const different = await run('--diff', other, '--limit', '1');
    expect(different.code).toBe(1);
    expect(different.stdout).toContain('flow.client_addr');
    expect(different.stdout.match(/^changed: /gm)?.length).toBe(1);
    expect(await run('--diff', 'nowhere.yml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('nowhere.yml'),
    });
  });
});

describe('documents that are compared', () => {
  it('are the same when only the order of their fields differs', () => {
    const differences = createDocumentDifferences({ maxExamples: 5 });
    const place = () => ({ file: 'a', datagram: 1, exporter: '10.0.0.1' });
    differences.compare('{"a":{"b":1,"c":[1,2]}}', '{"a":{"c":[1,2],"b":1}}', place);
    differences.compare('{"a":{"c":[1,2]}}', '{"a":{"c":[2,1]}}', place);
    expect(differences.result()).toMatchObject({
      same: 1,
      changed: 1,
      fields: [{ field: 'a.c', changed: 1, onlyBefore: 0, onlyAfter: 0 }],
    });
  });

  it('are kept in bounds, however many fields and documents differ', () => {
    const differences = createDocumentDifferences({ maxExamples: 2 });
    for (let i = 0; i < 3000; i += 1)
      differences.compare(`{"x${i}":1}`, `{"x${i}":2}`, () => ({ file: 'a', datagram: i, exporter: '10.0.0.1' }));
    const { fields, examples, changed } = differences.result();
    expect(changed).toBe(3000);
    expect(fields.length).toBe(2001);
    expect(fields[0]).toMatchObject({ field: '(other fields)', changed: 1000 });
    expect(examples.length).toBe(2);
  });
});
