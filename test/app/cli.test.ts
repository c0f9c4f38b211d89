// The built program, as users call it. `npm test` builds it first; alone, this file needs `npm run build`.

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../dist/app/main.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'weir-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface CallOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly entry?: string;
  /** Options of Node itself. */
  readonly nodeArgs?: readonly string[];
  /** Nobody reads what it prints. */
  readonly deaf?: boolean;
}

async function call(
  args: readonly string[],
  { environment = {}, entry = program, nodeArgs = [], deaf = false }: CallOptions = {},
) {
  const child = spawn(process.execPath, [...nodeArgs, entry, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  if (deaf) child.stdout.destroy();
  else child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  const outcome: Outcome = { exitCode, stdout, stderr };
  return outcome;
}

/** Refused with these lines on stderr and nothing else. */
async function expectRefused(args: readonly string[], lines: readonly string[], options: CallOptions = {}) {
  expect(await call(args, options)).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: lines.map((line) => `${line}\n`).join(''),
  });
}

function write(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

describe('help', () => {
  test.each(['run', 'check', 'demo', 'decode', 'templates'])(
    'of %s says what it does, its options, and an example',
    async (verb) => {
      const { exitCode, stdout, stderr } = await call([verb, '--help']);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).toMatch(new RegExp(`^Usage: weir ${verb} \\[options\\]`));
      expect(stdout).toMatch(new RegExp(`\nExamples?:\n(?: {2}\\$ .*weir ${verb}.*\n?)+$`));
    },
  );

  test('names all verbs', async () => {
    const { exitCode, stdout } = await call(['--help']);
    expect(await call(['-h'])).toEqual({ exitCode: 0, stdout, stderr: '' });
    expect(exitCode).toBe(0);
    for (const verb of ['run', 'check', 'demo', 'decode', 'templates'])
      expect(stdout).toMatch(new RegExp(`^ {2}${verb} `, 'm'));
  });

  test('comes on stderr when no verb is given', async () => {
    const { exitCode, stdout, stderr } = await call([]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: weir /);
  });

  test('--version is that of package.json', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await call(['--version'])).toEqual({ exitCode: 0, stdout: `${version}\n`, stderr: '' });
  });
});

describe('a wrong command line is one line and exit code 2', () => {
  test.each([
    [['rnu'], "weir: unknown command 'rnu'; did you mean run? See weir --help."],
    [['--nope'], "weir: unknown option '--nope'. See weir --help."],
    [['run', '--qiet'], "weir: unknown option '--qiet'; did you mean --quiet? See weir run --help."],
    [
      ['check', 'a', 'b'],
      "weir: too many arguments for 'check'. Expected 1 argument but got 2. See weir check --help.",
    ],
    [['decode'], "weir: missing required argument 'file'. See weir decode --help."],
    [
      ['demo', '--rate', '0'],
      "weir: option '--rate <flows>' argument '0' is invalid. Expected flows per second, more than 0 and at most 1000000. See weir demo --help.",
    ],
    [
      ['run', '--log-level', 'loud'],
      "weir: option '--log-level <level>' argument 'loud' is invalid. Allowed choices are debug, info, warn, error, silent. See weir run --help.",
    ],
    [
      ['check', 'nowhere.yml'],
      "weir: can't read the pipeline file nowhere.yml: there is no such file. Name a pipeline file, or none to use the one that came with weir.",
    ],
    [
      ['run', '.'],
      "weir: can't read the pipeline file .: it is a folder. Name a pipeline file, or none to use the one that came with weir.",
    ],
  ])('%j', async (args, line) => {
    await expectRefused(args, [line]);
  });
});

describe('weir check', () => {
  const test7 =
    'tests: [ { name: t, record: { protocol: netflow5, exporter: 10.0.0.1, fields: { octetDeltaCount: 7 } },';

  test('says in one line that all is well', async () => {
    const file = write(
      'good.yml',
      `name: a\nsteps: [ server ]\n${test7} expect: { flow.bytes: 7, flow.src_addr: null } } ]\n`,
    );
    expect(await call(['check', file])).toEqual({
      exitCode: 0,
      stdout: 'good.yml: 1 step, 1 test passed\n',
      stderr: '',
    });
  });

  test('takes the shipped pipeline when none is named, from any folder and through a link', async () => {
    const entry = join(folder, 'weir-link');
    symlinkSync(program, entry);
    for (const options of [{}, { entry }]) {
      const { exitCode, stdout, stderr } = await call(['check'], options);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout).toMatch(/pipelines\/flow\.yml: 6 steps, \d+ tests passed\n$/);
    }
  });

  test('tells all mistakes with their places', async () => {
    const file = write(
      'wrong.yml',
      'name: a\nsteps:\n  - geoipp: {}\n  - sampling: { defualt: 5 }\nlisten: udp://x:1\n',
    );
    await expectRefused(
      ['check', file],
      [
        'wrong.yml:3:5 unknown step "geoipp"; did you mean "geoip"?',
        'wrong.yml:4:17 unknown key "defualt" in sampling; did you mean "default"?',
        'wrong.yml:5:9 listen: expected an IP address before the port ("0.0.0.0" or "[::]" for all), got "udp://x:1"',
      ],
    );
  });

  test('tells a database that is not there with the place of its step', async () => {
    const file = write('database.yml', 'name: a\nsteps:\n  - geoip: { database: nowhere.mmdb }\n');
    const { exitCode, stdout, stderr } = await call(['check', file]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/^database\.yml:3:5 geoip: .*nowhere\.mmdb.*\n$/);
  });

  test('tells each difference of a failing test, with path, expected and got', async () => {
    const file = write(
      'failing.yml',
      `name: a\nsteps: [ sampling, { drop: { when: { flow.dst_port: 53 } } } ]\ntests:
  - name: counts
    record: { protocol: netflow5, exporter: 10.0.0.1, fields: { octetDeltaCount: 7 } }
    expect:
      flow.bytes: "7"
      flow.packets: null
      flow.dst_port: 53
      flow.byts: null
  - name: is dropped
    record: { protocol: netflow5, exporter: 10.0.0.1, fields: { octetDeltaCount: 7 } }
    expect: dropped
  - name: is not dropped
    record: { protocol: ipfix, exporter: 10.0.0.1, fields: { destinationTransportPort: 53, protocolIdentifier: 17 } }
    expect: { flow.dst_port: 53 }
  - name: has a mistyped element
    record: { protocol: ipfix, exporter: 10.0.0.1, fields: { octetDeltaCont: 7 } }
    expect: { flow.bytes: 7 }
  - name: is right
    record: { protocol: ipfix, exporter: 10.0.0.1, fields: { octetDeltaCount: 7 } }
    expect: { flow.bytes: 7 }
`,
    );
    await expectRefused(
      ['check', file],
      [
        'failing.yml:7:7 test "counts": flow.bytes: expected "7", got 7',
        'failing.yml:9:7 test "counts": flow.dst_port: expected 53, got nothing',
        'failing.yml:10:7 test "counts": unknown field "flow.byts"; did you mean "flow.bytes"?',
        'failing.yml:13:5 test "is dropped": expected no document, got one: no step drops it',
        'failing.yml:16:5 test "is not dropped": expected a document, got none: dropped by drop',
        'failing.yml:18:62 test "has a mistyped element": field "octetDeltaCont": no information element has this name; did you mean "octetDeltaCount"?',
        'failing.yml: 4 of 5 tests failed',
      ],
    );
  });

  test('replaces variables by the environment', async () => {
    const file = write('variable.yml', `name: a\nsteps: []\nqueue: { memory: "\${MEMORY}" }\n`);
    expect((await call(['check', file], { environment: { MEMORY: '1GiB' } })).exitCode).toBe(0);
    await expectRefused(
      ['check', file],
      [
        `variable.yml:3:19 the environment variable MEMORY is not set and has no default; set it, or write \${MEMORY:default}`,
      ],
    );
  });

  test('shows where an error came from with --log-level debug only', async () => {
    const file = write('stack.yml', 'name: a\n');
    expect((await call(['check', file])).stderr).not.toContain('    at ');
    expect((await call(['check', file, '--log-level', 'debug'])).stderr).toContain('    at ');
  });
});

describe('weir run that cannot start', () => {
  const pipeline = (...lines: readonly string[]) => ['name: a', 'steps: []', ...lines].join('\n');

  test('tells a port in use', async () => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    const file = write('port.yml', pipeline(`listen: udp://127.0.0.1:${port}`));
    const { exitCode, stderr } = await call(['run', file, '--quiet']);
    socket.close();
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(new RegExp(`^weir: .*${port}.*\n$`));
  });

  test('tells a folder that it may not write to', async () => {
    write('a-file', '');
    for (const line of ['state: a-file/state', 'index: { files: { directory: a-file/flows } }']) {
      const file = write('folder.yml', pipeline('listen: udp://127.0.0.1:0', line));
      const { exitCode, stderr } = await call(['run', file, '--quiet']);
      expect(exitCode).toBe(2);
      expect(stderr).toMatch(/^weir: .*a-file\/(?:state|flows).*\n$/);
    }
  });
});

describe('a mistake in weir while it runs', () => {
  const throwWhenRunning = `const timer = setInterval(() => {
    if (!process.getActiveResourcesInfo().includes('UDPWrap')) return;
    clearInterval(timer);
    setTimeout(() => { throw new TypeError('boom'); }, 300);
  }, 10);`;

  test('is one line; what is in hand is flushed before the process ends', async () => {
    const file = write('run.yml', 'name: a\nsteps: []\nlisten: udp://127.0.0.1:0\n');
    const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(throwWhenRunning)}`];
    const { exitCode, stdout, stderr } = await call(['run', file], { nodeArgs });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr:
        'weir: a mistake in weir itself (TypeError: boom); run it again with --log-level debug, and please report what it prints\n',
    });
    expect(stdout).toContain('weir has stopped');
  });
});

describe('an output that nobody reads', () => {
  test('ends a verb quietly', async () => {
    expect(await call(['check'], { deaf: true })).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(await call(['run', '--help'], { deaf: true })).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });
});
