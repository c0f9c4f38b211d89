// What is beside the program and names its ports, files and verbs.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const { listen } = parse(read('pipelines/flow.yml')) as { readonly listen: readonly string[] };
const ports = listen.map((url) => Number(/:(\d+)$/.exec(url)?.[1])).sort((a, b) => a - b);

/** All numbers that the pattern's first group finds. */
function portsIn(path: string, pattern: RegExp): readonly number[] {
  return [...read(path).matchAll(pattern)].map(([, port]) => Number(port)).sort((a, b) => a - b);
}

test.each([
  ['Dockerfile', /(\d+)\/udp/g],
  ['docker-compose.ports.yml', /:(\d+)\/udp/g],
  ['packaging/systemd/weir@.socket', /^ListenDatagram=\[::\]:(\d+)$/gm],
  ['packaging/kubernetes/listen.yml', /hostPort: (\d+), protocol: UDP/g],
])('%s has the ports of the shipped pipeline file', (path, pattern) => {
  expect(portsIn(path, pattern)).toEqual(ports);
});

test('the Debian package gets every folder that the program reads', () => {
  const { files } = JSON.parse(read('package.json')) as { readonly files: readonly string[] };
  const [copied = ''] = read('packaging/debian/build.sh').match(/^cp -r .*"\$library\/"$/m) ?? [];
  for (const file of files) expect(copied).toMatch(new RegExp(`\\b${file}\\b`));
});

test('the image gets every folder that the program reads', () => {
  const { files } = JSON.parse(read('package.json')) as { readonly files: readonly string[] };
  const copied = read('Dockerfile')
    .match(/^COPY .*$/gm)
    ?.join('\n');
  for (const file of files) expect(copied).toMatch(new RegExp(`\\b${file}\\b`));
});

test('what the image is built from is let in, and nothing else; it has every script that the build runs', () => {
  const letIn = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));
  const copied = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) =>
    paths.split(' '),
  );
  expect(letIn.sort()).toEqual(copied.sort());
  const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: { readonly build: string } };
  const run = scripts.build.match(/\bscripts\/[\w.-]+/g) ?? [];
  expect(run.length).toBeGreaterThan(0);
  expect(copied).toEqual(expect.arrayContaining(run));
});

test('the steps of the pipeline file for Kubernetes are those of the shipped one', () => {
  const [configMap] = parseAllDocuments(read('packaging/kubernetes/settings.yml'));
  const file: unknown = configMap?.getIn(['data', 'flow.yml']);
  const { steps } = parse(String(file)) as { readonly steps: unknown };
  expect(steps).toEqual((parse(read('pipelines/flow.yml')) as { readonly steps: unknown }).steps);
});

test('every manifest that is there is applied', () => {
  const { resources } = parse(read('packaging/kubernetes/kustomization.yml')) as {
    readonly resources: readonly string[];
  };
  const there = readdirSync(new URL('../packaging/kubernetes/', import.meta.url)).filter(
    (file) => file !== 'kustomization.yml',
  );
  expect([...resources].sort()).toEqual(there.sort());
});
