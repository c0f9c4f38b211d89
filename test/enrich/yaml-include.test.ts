import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readPipelineFile } from '../../src/enrich/pipeline-file.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';

const root = mkdtempSync(join(tmpdir(), 'weir-include-'));
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;
/** Writes the files; `main.yml` is the pipeline file. */
function read(files: Readonly<Record<string, string>>, environment: Record<string, string> = {}) {
  folders += 1;
  const folder = join(root, String(folders));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return readPipelineFile(files['main.yml'] ?? '', {
    path: join(folder, 'main.yml'),
    environment,
    stepDefinitions: stepCatalog,
  });
}

/** The message, with the folder of the test taken out. */
function mistakesOf(files: Readonly<Record<string, string>>): string[] {
  try {
    read(files);
  } catch (error) {
    return (error as Error).message.replaceAll(`${join(root, String(folders))}/`, '').split('\n');
  }
  throw new Error('there is no mistake');
}

describe('!include', () => {
  test('puts what a file has in its place, from the folder of the file that includes it', () => {
    const file = read({
      'main.yml': 'name: a\nsteps: !include parts/steps.yml\nindex: !include parts/index.yml\n',
      'parts/steps.yml': '- server\n- sampling: { default: !include more/rates.yml }\n',
      'parts/more/rates.yml': '10.0.0.0/8: 1000\n',
      'parts/index.yml': 'files: { directory: ./elsewhere }\n',
    });
    expect(file.steps.map(({ name, options }) => [name, options])).toEqual([
      ['server', expect.anything()],
      ['sampling', { default: { '10.0.0.0/8': 1000 } }],
    ]);
    expect(file.index.files.directory).toBe('./elsewhere');
    const folder = dirname(file.path);
    expect(file.files).toEqual([
      file.path,
      join(folder, 'parts/steps.yml'),
      join(folder, 'parts/more/rates.yml'),
      join(folder, 'parts/index.yml'),
    ]);
  });

  test('brings the items of a list where it is an item of a list', () => {
    const file = read({
      'main.yml': 'name: a\nsteps:\n  - server\n  - !include common.yml\n  - locality\n',
      'common.yml': '- services\n- asn\n',
    });
    expect(file.steps.map(({ name }) => name)).toEqual(['server', 'services', 'asn', 'locality']);
  });

  test('takes variables, in the name and in the file', () => {
    const files = { 'main.yml': `name: a\nsteps: !include "\${SITE}.yml"\n`, 'north.yml': `- \${STEP:server}\n` };
    expect(read(files, { SITE: 'north' }).steps.map(({ name }) => name)).toEqual(['server']);
  });

  test('tells mistakes with their place in the included file, those of the pipeline file first', () => {
    expect(
      mistakesOf({
        'main.yml': 'name: a\nbatch: { age: fast }\nsteps: !include parts/steps.yml\n',
        'parts/steps.yml': '# steps\n- server\n-   geoipp\n- sampling:\n    default: 0\n',
      }),
    ).toEqual([
      'main.yml:2:15 batch.age: expected a duration such as "200ms" (ms, s, m, h, d), got "fast"',
      'parts/steps.yml:3:5 unknown step "geoipp"; did you mean "geoip"?',
      expect.stringMatching(/^parts\/steps\.yml:5:14 sampling\.default: /),
    ]);
  });

  test.each([
    ['that is not there', {}, "main.yml:2:17 can't include part.yml: there is no such file"],
    ['that is not YAML', { 'part.yml': '- server\n- [\n' }, /^part\.yml:3:1 not YAML: /],
    ['that is no text', { 'part.yml': 'a\0b' }, "main.yml:2:17 can't include part.yml: it is no text"],
    [
      'that includes itself',
      { 'part.yml': '- !include part.yml\n' },
      'part.yml:1:12 includes itself: part.yml → part.yml',
    ],
    [
      'that another one of them includes',
      { 'part.yml': '- !include other.yml\n', 'other.yml': '!include main.yml\n' },
      'other.yml:1:10 includes itself: main.yml → part.yml → other.yml → main.yml',
    ],
    [
      'that is larger than a pipeline file',
      { 'part.yml': `# ${'x'.repeat(2 ** 20)}\n` },
      'main.yml:2:17 the included files are larger than 1 MiB together',
    ],
    [
      'that has two documents',
      { 'part.yml': '- server\n---\n- asn\n' },
      /^part\.yml:2:1 a pipeline file is one YAML document/,
    ],
  ])('refuses a file %s', (_, files, message) => {
    const [first] = mistakesOf({ 'main.yml': 'name: a\nsteps: !include part.yml\n', ...files });
    if (typeof message === 'string') expect(first).toBe(message);
    else expect(first).toMatch(message);
  });

  test('is bounded in depth and in number: a bomb of files ends', () => {
    const chain = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`${index}.yml`, `- !include ${index + 1}.yml\n`]),
    );
    expect(mistakesOf({ 'main.yml': 'name: a\nsteps: !include 0.yml\n', ...chain })[0]).toMatch(
      /^7\.yml:1:12 files include each other more than 8 deep$/,
    );
    const bomb = Object.fromEntries(
      Array.from({ length: 7 }, (_, index) => [`${index}.yml`, `- !include ${index + 1}.yml\n`.repeat(20)]),
    );
    const files = { 'main.yml': 'name: a\nsteps: !include 0.yml\n', ...bomb, '7.yml': '- server\n' };
    expect(mistakesOf(files).join('\n')).toContain('more than 200 files are included');
  });

  test('needs the name of a file', () => {
    expect(mistakesOf({ 'main.yml': 'name: a\nsteps: !include\n' })[0]).toMatch(
      /^main\.yml:2:16 expected the name of a file after !include$/,
    );
    expect(mistakesOf({ 'main.yml': 'name: a\nsteps: !include [ a.yml ]\n' })[0]).toMatch(/^main\.yml:2:8 /);
  });
});

describe('a file that is no YAML by its name', () => {
  const main =
    'name: a\nsteps: []\nindex: { elasticsearch: { nodes: "http://es:9200", username: u, password: !include pw } }\n';

  test.each([
    '12345678',
    'p#1 # x: y',
    '*abc',
    '@foo',
    '%x',
    '"quoted',
    'a: b',
    'true',
    'null',
    '~',
    '- x',
    `p\${X}$$y`,
    ' x ',
  ])('is the text that it has: %s', (text) => {
    for (const end of ['', '\n', '\r\n']) {
      expect(read({ 'main.yml': main, pw: text + end }).index.elasticsearch).toMatchObject({ password: text });
    }
  });

  test('may be a number where one is wanted, an item of a list, and nothing', () => {
    const files = {
      'main.yml':
        'name: a\nsteps: []\nlisten: [ !include to ]\nbatch: { records: !include many, bytes: !include none }\n',
      to: 'udp://[::1]:2055\n',
      many: '10\n',
      none: '\n',
    };
    expect(read(files)).toMatchObject({
      listen: [expect.objectContaining({ port: 2055 })],
      batch: { maxRecords: 10, maxBytes: 2 ** 20 },
    });
  });

  test.each([
    'steps: []\nstate: !include key.pem',
    'steps: []\nindex: { elasticsearch: { nodes: "https://es:9200", certificate: c, key: !include key.pem } }',
    'steps: [ geoip: { database: [ !include key.pem ] } ]',
    'steps: [ hostname: { file: !include key.pem } ]',
    'steps: [ reputation: { lists: [ { file: !include key.pem } ] } ]',
  ])('is no path, and not shown as one that is not there: %s', (rest) => {
    for (const text of ['-----BEGIN KEY-----\nsecretname\n', 'secretname']) {
      const mistakes = mistakesOf({ 'main.yml': `name: a\n${rest}\n`, 'key.pem': text });
      expect(mistakes.join()).not.toMatch(/secretname|BEGIN/);
      expect(mistakes).toContainEqual(
        expect.stringMatching(/^main\.yml:\d:\d+ [\w.]+: expected a path, and "!include"/),
      );
    }
  });
});

test('a text of several lines is no path, and is not shown', () => {
  const rest = 'steps: []\nlisten: "tls://[::]:4740"\ncollect: { tls: { certificate: c, key: "BEGIN\\nsecretname" } }';
  expect(mistakesOf({ 'main.yml': `name: a\n${rest}\n` })).toEqual([
    'main.yml:4:40 collect.tls.key: expected the path of a file, not a text of several lines',
  ]);
});

test.each([
  ['a list of users', 'root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1\n', 'steps: !include parts/secret'],
  ['users with an item sign', '- root:*:20228\n- daemon:*:20228\n', 'steps: !include parts/secret'],
  ['users as keys', 'root: x\nsecretname: y\n', 'steps: [ sampling: !include parts/secret ]'],
  ['what is no YAML', '{ root: [ %secretname', 'steps: !include parts/secret'],
  ['tags', '!secretname x', 'steps: !include parts/secret'],
  ['a password', 'secretname', 'steps: []\nlisten: !include parts/secret\nbatch: { age: !include parts/secret }'],
])('of %s in a file that is no YAML by its name, nothing is quoted', (_, content, rest) => {
  const mistakes = mistakesOf({ 'main.yml': `name: a\n${rest}\n`, 'parts/secret': content });
  expect(mistakes.join()).not.toMatch(/root|secretname|daemon/);
  expect(mistakes).toContainEqual(expect.stringMatching(/^parts\/secret:\d+:1 what this file has in it does not fit/));
});
