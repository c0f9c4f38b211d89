// The built program: a changed pipeline file is taken over while flows come in.

import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFlowSender, numberOf } from '../end-to-end/numbered-flows.ts';
import { readDocuments, startWeir, type WeirProcess, waitUntil } from '../end-to-end/weir-process.ts';
import { freePort } from '../servers/free-port.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'weir-reload-'));
});
afterAll(() => rm(root, { recursive: true }));

let folders = 0;
function newFolder(): string {
  folders += 1;
  return join(root, `${folders}`);
}

const inEffect = 'the changed pipeline file is in effect';
const refused = 'the changed pipeline file is refused';
const countOf = (weir: WeirProcess, text: string): number => weir.output().split(text).length - 1;

function change(folder: string, edit: (text: string) => string): void {
  const file = join(folder, 'pipeline.yml');
  const text = edit(readFileSync(file, 'utf8'));
  // Renamed into place: weir must never see half of it.
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

const withInterval = (interval: number) => (text: string) =>
  text.replace(/^steps: .*$/m, `steps: [ { sampling: { override: ${interval} } }, server ]`);

describe('a changed pipeline file', () => {
  test('is taken over at SIGHUP, ten times under a steady stream: each flow once, by one of the pipelines', async () => {
    const folder = newFolder();
    const weir = await startWeir({ folder, settings: 'batch: { records: 200, age: 20ms }' });
    const sender = createFlowSender(weir.port);
    let isDone = false;
    let sent = 0;
    const stream = (async () => {
      while (!isDone) {
        sent = await sender.send(60);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await waitUntil(() => readDocuments(folder).length > 300, 20_000, 'flows before the first reload');
    const intervals = [1];
    for (let reload = 1; reload <= 10; reload += 1) {
      intervals.push(reload + 1);
      change(folder, withInterval(reload + 1));
      weir.process.kill('SIGHUP');
      await waitUntil(() => countOf(weir, inEffect) === reload, 20_000, `reload ${reload}`);
      const before = sent;
      await waitUntil(() => sent > before + 300, 20_000, 'flows after the reload');
    }
    isDone = true;
    await stream;
    sender.close();
    await waitUntil(() => readDocuments(folder).length >= sent, 20_000, 'documents');
    expect(await weir.stop()).toEqual({ code: 0, signal: null });
    const documents = readDocuments(folder);
    expect(documents.map(({ flow }) => numberOf(flow['src_addr'])).sort((a, b) => a - b)).toEqual(
      Array.from({ length: sent }, (_, index) => index),
    );
    const seen = new Set<number>();
    for (const { flow } of documents) {
      const interval = Number(flow['bytes']) / (1000 + numberOf(flow['src_addr']));
      seen.add(interval);
      // The first pipeline has all steps and no override, the others name no country.
      expect(flow['dst_country'] === undefined).toBe(interval !== 1);
    }
    expect([...seen].sort((a, b) => a - b)).toEqual(intervals);
    expect(weir.output()).toMatch(/"lost":0,"time"|"lost":0[,}][^\n]*weir has stopped/);
  }, 60_000);

  test('that is wrong, or whose tests fail, is refused with the reason, and the old one goes on', async () => {
    const folder = newFolder();
    const weir = await startWeir({ folder });
    const sender = createFlowSender(weir.port);
    change(folder, (text) => text.replace('geoip', 'geoipp'));
    weir.process.kill('SIGHUP');
    await waitUntil(() => countOf(weir, refused) === 1, 20_000, 'refusal');
    expect(weir.output()).toContain('unknown step \\"geoipp\\"; did you mean \\"geoip\\"?');
    change(
      folder,
      (text) =>
        `${text.replace('geoipp', 'geoip')}
tests:
  - name: two and two are five
    record: { protocol: netflow5, exporter: 10.0.0.1, fields: { octetDeltaCount: 4 } }
    expect: { flow.bytes: 5 }
`,
    );
    weir.process.kill('SIGHUP');
    await waitUntil(() => countOf(weir, refused) === 2, 20_000, 'refusal');
    expect(weir.output()).toContain('expected 5, got 4');
    await sender.send(30);
    sender.close();
    await waitUntil(() => readDocuments(folder).length >= 30, 20_000, 'documents');
    expect(readDocuments(folder)[0]?.flow['dst_country']).toBe('United States');
    await weir.stop();
  }, 60_000);

  test('opens new ports, closes old ones, keeps the others, and writes where it says', async () => {
    const folder = newFolder();
    const weir = await startWeir({ folder, listen: ['tcp://127.0.0.1:0'] });
    const kept = createFlowSender(weir.port);
    await kept.send(30);
    await waitUntil(() => readDocuments(folder).length >= 30, 20_000, 'documents');
    change(folder, (text) =>
      text
        .replace(/^listen: .*$/m, `listen: [ "udp://127.0.0.1:0", "udp://127.0.0.1:0", "tcp://127.0.0.1:0" ]`)
        .replace(/^index: .*$/m, `index: { files: { directory: ${JSON.stringify(join(folder, 'second', 'flows'))} } }`),
    );
    weir.process.kill('SIGHUP');
    await waitUntil(() => countOf(weir, inEffect) === 1, 20_000, 'reload');
    const opened = /"opened":\["udp:\/\/127\.0\.0\.1:(\d+)"\]/.exec(weir.output());
    const added = createFlowSender(Number(opened?.[1]), { firstNumber: 1000 });
    await kept.send(30);
    await added.send(30);
    await waitUntil(() => readDocuments(join(folder, 'second')).length >= 60, 20_000, 'documents');
    change(folder, (text) => text.replace(/^listen: .*$/m, 'listen: [ "udp://127.0.0.1:0" ]'));
    weir.process.kill('SIGHUP');
    await waitUntil(() => countOf(weir, inEffect) === 2, 20_000, 'reload');
    await kept.send(30);
    await waitUntil(() => readDocuments(join(folder, 'second')).length >= 90, 20_000, 'documents');
    kept.close();
    added.close();
    await weir.stop();
    expect(readDocuments(folder)).toHaveLength(30);
  }, 60_000);

  test('a port that is in use refuses it all; what needs a restart is named', async () => {
    const folder = newFolder();
    const weir = await startWeir({ folder });
    const other = await startWeir({ folder: newFolder() });
    change(folder, (text) => text.replace(/^listen: .*$/m, `listen: "udp://127.0.0.1:${other.port}"`));
    weir.process.kill('SIGHUP');
    await waitUntil(() => countOf(weir, refused) === 1, 20_000, 'refusal');
    await other.stop();
    change(folder, (text) =>
      text.replace(/^listen: .*$/m, 'listen: "udp://127.0.0.1:0"').concat('queue: { memory: 64MiB }\n'),
    );
    weir.process.kill('SIGHUP');
    await waitUntil(() => countOf(weir, 'these settings change with a restart only') === 1, 20_000, 'warning');
    expect(weir.output()).toContain('"settings":["queue"]');
    const sender = createFlowSender(weir.port);
    await sender.send(30);
    sender.close();
    await waitUntil(() => readDocuments(folder).length >= 30, 20_000, 'documents');
    await weir.stop();
  }, 60_000);

  test('is taken over by itself with --watch, once, and not before it changes', async () => {
    const folder = newFolder();
    // What is made of a condition is never the same as what is made of it again.
    const steps = '[ { drop: { when: "flow.dst_port = 1" } } ]';
    const weir = await startWeir({ folder, steps, verb: ['run', '--watch'] });
    change(folder, withInterval(7));
    await waitUntil(() => countOf(weir, inEffect) === 1, 20_000, 'reload');
    const sender = createFlowSender(weir.port);
    await sender.send(30);
    sender.close();
    await waitUntil(() => readDocuments(folder).length >= 30, 20_000, 'documents');
    expect(readDocuments(folder)[0]?.flow['bytes']).toBe(7000);
    expect(countOf(weir, inEffect)).toBe(1);
    await weir.stop();
  }, 60_000);

  test('is taken over where only a file that it includes has changed; a wrong one is refused', async () => {
    const folder = newFolder();
    mkdirSync(folder, { recursive: true });
    const part = join(folder, 'sampling.yml');
    writeFileSync(part, 'sampling: { override: 3 }\n');
    const weir = await startWeir({ folder, verb: ['run', '--watch'] });
    change(folder, (text) => text.replace(/^steps: .*$/m, 'steps: [ !include sampling.yml, server ]'));
    await waitUntil(() => countOf(weir, inEffect) === 1, 20_000, 'reload');
    writeFileSync(part, 'sampling: { override: none }\n');
    await waitUntil(() => countOf(weir, refused) === 1, 20_000, 'refusal');
    expect(weir.output()).toContain('sampling.yml:1:23 sampling.override: expected a sampling interval');
    const sender = createFlowSender(weir.port);
    await sender.send(10);
    await waitUntil(() => readDocuments(folder).length >= 10, 20_000, 'documents');
    expect(readDocuments(folder)[0]?.flow['bytes']).toBe(3000);
    writeFileSync(part, 'sampling: { override: 5 }\n');
    await waitUntil(() => countOf(weir, inEffect) === 2, 20_000, 'reload');
    await sender.send(10);
    sender.close();
    await waitUntil(() => readDocuments(folder).length >= 20, 20_000, 'documents');
    const intervals = readDocuments(folder).map(
      ({ flow }) => Number(flow['bytes']) / (1000 + numberOf(flow['src_addr'])),
    );
    expect(intervals.filter((interval) => interval === 5)).toHaveLength(10);
    await weir.stop();
  }, 120_000);

  test('is taken over when a file is mended that only the refused one includes', async () => {
    const folder = newFolder();
    mkdirSync(folder, { recursive: true });
    const part = join(folder, 'late.yml');
    const weir = await startWeir({ folder, verb: ['run', '--watch'] });
    change(folder, (text) => text.replace(/^steps: .*$/m, 'steps: [ !include late.yml, server ]'));
    await waitUntil(() => weir.output().includes("can't include"), 20_000, 'refusal of a missing file');
    writeFileSync(part, 'samplin: {}\n');
    await waitUntil(() => weir.output().includes('late.yml:1:1 unknown step'), 20_000, 'refusal of a wrong file');
    writeFileSync(part, 'sampling: { override: 4 }\n');
    await waitUntil(() => countOf(weir, inEffect) >= 1, 20_000, 'reload');
    await weir.stop();
  }, 120_000);

  test('is taken over where a link is swapped, as Kubernetes does, and when it was gone for a while', async () => {
    const folder = newFolder();
    const weir = await startWeir({ folder, verb: ['run', '--watch'] });
    const path = join(folder, 'pipeline.yml');
    change(folder, withInterval(2));
    await waitUntil(() => countOf(weir, inEffect) === 1, 20_000, 'reload');
    const text = readFileSync(path, 'utf8');
    // The mounted file is a link to `..data/flow.yml`, and `..data` is a link that is renamed over.
    const place = (name: string, content: string) => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'flow.yml'), content);
      symlinkSync(name, join(folder, '..data_tmp'));
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    place('..first', text.replace('override: 2', 'override: 3'));
    symlinkSync('..data/flow.yml', join(folder, 'link'));
    renameSync(join(folder, 'link'), path);
    await waitUntil(() => countOf(weir, inEffect) === 2, 20_000, 'reload by a link');
    place('..second', text.replace('override: 2', 'override: 4'));
    await waitUntil(() => countOf(weir, inEffect) === 3, 20_000, 'reload by a swapped link');
    rmSync(path);
    await waitUntil(() => countOf(weir, refused) === 1, 20_000, 'refusal');
    symlinkSync('..data/flow.yml', path);
    await waitUntil(() => countOf(weir, inEffect) === 4, 20_000, 'reload of what is there again');
    await weir.stop();
  }, 120_000);
});

test('a list that changes is taken over by itself, a wrong one is refused; metrics tell both', async () => {
  const folder = newFolder();
  mkdirSync(folder, { recursive: true });
  const list = join(folder, 'hosts.yml');
  writeFileSync(list, '127.0.0.1: first\n');
  const url = `http://127.0.0.1:${await freePort()}`;
  const weir = await startWeir({ folder, telemetry: `{ http: "${url.slice(7)}" }` });
  change(folder, (text) => text.replace(/^steps: .*$/m, 'steps: [ hostname: { dns: false, file: hosts.yml } ]'));
  weir.process.kill('SIGHUP');
  await waitUntil(() => countOf(weir, inEffect) === 1, 20_000, 'reload');
  const metric = async (name: string): Promise<string | undefined> => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return text
      .split('\n')
      .find((line) => line.startsWith(`weir_enrich_data_file_${name}{`))
      ?.split(' ')
      .at(-1);
  };
  expect(await metric('bytes')).toBe('17');
  writeFileSync(list, 'nobody: second\n');
  await waitUntil(async () => (await metric('refused')) === '1', 30_000, 'refusal');
  expect(await metric('bytes')).toBe('17');
  writeFileSync(list, '127.0.0.1: the-third\n');
  await waitUntil(async () => (await metric('refused')) === '0', 30_000, 'reload');
  expect(await metric('bytes')).toBe('21');
  expect(await metric('reloads_accepted_total')).toBe('1');
  expect(await metric('reloads_refused_total')).toBe('1');
  await weir.stop();
}, 120_000);
