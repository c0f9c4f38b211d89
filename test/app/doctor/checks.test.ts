// Each check of the doctor, against what it looks at: this machine's own files and sockets, or a folder in the form of /proc.

import { execFileSync, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runChecks } from '../../../src/app/doctor/check.ts';
import { checkClock, type RunProgram } from '../../../src/app/doctor/clock.ts';
import { checkDatabases } from '../../../src/app/doctor/databases.ts';
import { checkFirewall, iptablesDrops, nftDrops } from '../../../src/app/doctor/firewall.ts';
import { checkFolders } from '../../../src/app/doctor/folders.ts';
import { checkListenPorts } from '../../../src/app/doctor/listen-ports.ts';
import { readSamples } from '../../../src/app/doctor/metrics-text.ts';
import { checkNameServers } from '../../../src/app/doctor/name-servers.ts';
import { checkReceiveBuffer } from '../../../src/app/doctor/receive-buffer.ts';
import { checkReversePath } from '../../../src/app/doctor/reverse-path.ts';
import { askRunningWeir, checkExporters, checkRunningWeir } from '../../../src/app/doctor/running-weir.ts';
import { loadPipelineFile } from '../../../src/app/pipeline-source.ts';
import { WeirError } from '../../../src/model/errors.ts';
import { describeWith } from '../../needs.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-doctor-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function readFile(lines: readonly string[]) {
  const path = join(folder, 'pipeline.yml');
  const text = ['name: flow', 'steps: []', 'index: { files: { directory: ./flows } }', ...lines];
  const own = new Set(lines.map((line) => line.split(':')[0]));
  writeFileSync(path, text.filter((line, at) => at >= 3 || !own.has(line.split(':')[0])).join('\n'));
  return loadPipelineFile(path);
}

const idsOf = ({ findings }: { readonly findings: readonly { readonly id: string }[] }) => findings.map(({ id }) => id);
const notRunning = Promise.resolve({ reason: 'nobody' });

describe('a check', () => {
  it('that takes too long, or is refused, holds up no other and hides nothing', async () => {
    const results = await runChecks(
      [
        { what: 'slow', run: () => new Promise(() => undefined) },
        { what: 'refused', run: () => Promise.reject(new WeirError('file-missing', 'it is not there')) },
        { what: 'good', run: async () => ({ findings: [], said: 'fine' }) },
      ],
      50,
    );
    expect(results.map(({ what, said, isBlind }) => [what, said, isBlind])).toEqual([
      ['slow', 'no answer within 0.05 s', true],
      ['refused', 'it is not there', true],
      ['good', 'fine', false],
    ]);
    expect(results.map(idsOf)).toEqual([['check-blind'], ['check-blind'], []]);
  });

  it('with a mistake in it is a mistake in weir', async () => {
    await expect(runChecks([{ what: 'x', run: () => Promise.reject(new TypeError('oops')) }])).rejects.toThrow('oops');
  });
});

describe('receive buffers', () => {
  it.each([
    ['212992\n', ['receive-buffer-small']],
    ['33554432\n', []],
    ['nonsense', []],
  ])('with rmem_max %j: %j', async (text, expected) => {
    const proc = join(folder, 'proc-buffers');
    mkdirSync(join(proc, 'sys/net/core'), { recursive: true });
    writeFileSync(join(proc, 'sys/net/core/rmem_max'), text);
    const checked = await checkReceiveBuffer(await readFile([]), proc).run();
    expect(idsOf(checked)).toEqual(expected);
    if (expected.length > 0) expect(checked.findings[0]?.fix[0]).toBe('sysctl -w net.core.rmem_max=33554432');
  });
});

describe('ports', () => {
  it('are free, or held by somebody who is named', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    try {
      const taken = await checkListenPorts(await readFile([`listen: [ "udp://127.0.0.1:${port}" ]`]), notRunning).run();
      expect(idsOf(taken)).toEqual(['port-taken']);
      expect(taken.findings[0]?.title).toContain(`process ${process.pid}`);
      // A socket on one address takes what is sent there from whoever listens on all.
      const shared = await checkListenPorts(
        await readFile([`listen: [ "udp://127.0.0.2:${port}" ]`]),
        notRunning,
      ).run();
      expect(idsOf(shared)).toEqual(['port-shared']);
    } finally {
      socket.close();
    }
    const free = await checkListenPorts(await readFile([`listen: [ "udp://127.0.0.1:${port}" ]`]), notRunning).run();
    expect(free).toEqual({ findings: [], said: `udp://127.0.0.1:${port} free` });
  });

  it('of addresses that this machine has not are told', async () => {
    const file = await readFile(['listen: [ "udp://192.0.2.77:2055" ]']);
    expect(idsOf(await checkListenPorts(file, notRunning).run())).toEqual(['port-refused']);
  });
});

describe('the clock', () => {
  const answering = (answers: Readonly<Record<string, string>>) => async (program: string) => answers[program];

  it.each([
    [{ timedatectl: 'yes\n' }, []],
    [{ timedatectl: 'no\n' }, ['clock-unsynchronised']],
    [{ timedatectl: 'no\n', chronyc: '81AF,x,2,0,0,0,0,0,0,0,0,0,0,Normal\n' }, []],
    [{ chronyc: '7F7F,,0,0,0,0,0,0,0,0,0,0,0,Not synchronised\n' }, ['clock-unsynchronised']],
    [{}, []],
  ])('%j: %j', async (answers, expected) => {
    expect(idsOf(await checkClock(answering(answers)).run())).toEqual(expected);
  });
});

describe('name servers', () => {
  it('that answer, with a name or without, are well; one that is silent is named', async () => {
    const server = createSocket('udp4');
    // "No such name" to whatever is asked.
    server.on('message', (question, { port, address }) => {
      const answer = Buffer.from(question);
      answer.writeUInt16BE(0x8183, 2);
      server.send(answer, port, address);
    });
    const silent = createSocket('udp4');
    await Promise.all(
      [server, silent].map((each) => new Promise<void>((resolve) => each.bind(0, '127.0.0.1', resolve))),
    );
    try {
      const [good, bad] = [server, silent].map((each) => `127.0.0.1:${each.address().port}`);
      const file = await readFile([`steps: [ { hostname: { nameserver: [ "${good}", "${bad}" ] } } ]`]);
      const [check, ...others] = checkNameServers(file);
      expect(others).toEqual([]);
      const checked = await check!.run();
      expect(idsOf(checked)).toEqual(['dns-silent']);
      expect(checked.findings[0]?.title).toContain(bad);
      expect(checked.said).toBe(`${good} answers`);
    } finally {
      server.close();
      silent.close();
    }
    expect(checkNameServers(await readFile([]))).toEqual([]);
  }, 30_000);
});

describe('folders', () => {
  it('that can be written to, or made, are well', async () => {
    const file = await readFile([`state: ${join(folder, 'a/b/state')}`, `index: { files: { directory: ${folder} } }`]);
    const results = await Promise.all(checkFolders(file).map(({ run }) => run()));
    expect(results.flatMap(idsOf)).toEqual([]);
  });

  it('that are files, or below one, and spools larger than the disk are told', async () => {
    writeFileSync(join(folder, 'file'), '');
    const file = await readFile([`state: ${join(folder, 'file/state')}`, 'queue: { spool: { size: 16384GiB } }']);
    const results = await Promise.all(checkFolders(file).map(({ run }) => run()));
    expect(results.flatMap(idsOf).filter((id) => id === 'folder-unwritable')).toHaveLength(2);
    expect(results.flatMap(idsOf)).toContain('disk-tight');
  });
});

describe('databases', () => {
  it('are judged by the day they were built on', async () => {
    const file = await readFile(['steps: [ geoip ]']);
    const [check] = checkDatabases(file, Date.UTC(2000, 0));
    expect((await check!.run()).findings).toEqual([]);
    const [later] = checkDatabases(file, Date.UTC(2100, 0));
    expect(idsOf(await later!.run())).toEqual(['database-old']);
    expect(checkDatabases(await readFile([]), Date.now())).toEqual([]);
  });
});

describe('firewalls', () => {
  it.each([
    [
      'a policy that drops all',
      '-P INPUT DROP\n-A INPUT -i lo -j ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT',
      true,
    ],
    ['the same with our port', '-P INPUT DROP\n-A INPUT -p udp -m udp --dport 2055 -j ACCEPT', false],
    ['our port in a range', '-P INPUT DROP\n-A INPUT -p udp -m multiport --dports 53,2000:3000 -j ACCEPT', false],
    ['our port by the other transport', '-P INPUT DROP\n-A INPUT -p tcp -m tcp --dport 2055 -j ACCEPT', true],
    ['our port dropped', '-P INPUT ACCEPT\n-A INPUT -p udp -m udp --dport 2055 -j DROP', true],
    ['dropped from some only', '-P INPUT ACCEPT\n-A INPUT -s 10.0.0.0/8 -p udp -m udp --dport 2055 -j DROP', undefined],
    ['an inner network let in', '-P INPUT DROP\n-A INPUT -s 10.0.0.0/8 -j ACCEPT', undefined],
    [
      'a last rule that refuses',
      '-P INPUT ACCEPT\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -j REJECT --reject-with icmp-port-unreachable',
      true,
    ],
    ['no rules', '-P INPUT ACCEPT\n-P FORWARD DROP', undefined],
  ])('iptables, %s: drops %j → %j', (_, rules, expected) => {
    expect(iptablesDrops(rules, 2055, 'udp')).toBe(expected);
  });

  const nft = (policy: string, ...rules: string[]) =>
    `table inet filter {\n\tchain input {\n\t\ttype filter hook input priority filter; policy ${policy};\n\t\t${rules.join('\n\t\t')}\n\t}\n}`;

  it.each([
    [nft('drop', 'iif "lo" accept', 'ct state established,related accept', 'tcp dport 22 accept'), true],
    [nft('drop', 'udp dport { 53, 2000-3000 } accept'), false],
    [nft('accept', 'udp dport 2055 drop'), true],
    [nft('accept', 'ip saddr 10.0.0.0/8 udp dport 2055 drop'), undefined],
    [nft('drop', 'ip saddr 10.0.0.0/8 accept'), undefined],
    [nft('drop', 'jump services'), undefined],
    [nft('accept'), undefined],
  ])('nftables %j → %j', (rules, expected) => {
    expect(nftDrops(rules, 2055, 'udp')).toBe(expected);
  });

  it('are told with the command that lets the port in', async () => {
    const file = await readFile(['listen: [ "udp://0.0.0.0:2055" ]']);
    const answers: Readonly<Record<string, string>> = { 'nft list ruleset': nft('drop', 'tcp dport 22 accept') };
    const checked = await checkFirewall(file, async (program, args) => answers[[program, ...args].join(' ')]).run();
    expect(idsOf(checked)).toEqual(['firewall-drops']);
    expect(checked.findings[0]?.fix).toEqual(['nft insert rule inet filter input udp dport 2055 accept']);
    expect(idsOf(await checkFirewall(file, async () => undefined).run())).toEqual([]);
  });
});

/** A network of its own, where rules hold no one else up. Needs root. */
function inNetwork(name: string): RunProgram {
  return async (program, args) => {
    const { status, stdout } = spawnSync('ip', ['netns', 'exec', name, program, ...args], { encoding: 'utf8' });
    return status === 0 ? stdout : undefined;
  };
}

describeWith(['ip', 'nft', 'iptables', 'iptables-legacy'], 'a firewall of the kernel', () => {
  const network = `weir-doctor-${process.pid}`;
  const run = inNetwork(network);
  beforeAll(() => void execFileSync('ip', ['netns', 'add', network]));
  afterAll(() => void execFileSync('ip', ['netns', 'delete', network]));
  const ask = async (host = '0.0.0.0') =>
    checkFirewall(await readFile([`listen: [ "udp://${host}:2055" ]`]), run).run();

  it.each([
    [
      'nftables that drops the port',
      [
        'nft add table inet filter',
        'nft add chain inet filter input { type filter hook input priority 0 ; policy accept ; }',
        'nft add chain inet filter forward { type filter hook forward priority 0 ; policy drop ; }',
        'nft add chain inet filter output { type filter hook output priority 0 ; policy accept ; }',
        'nft add rule inet filter input udp dport 2055 drop',
      ],
      'nft flush ruleset',
    ],
    [
      'nftables that lets nothing in but SSH',
      [
        'nft add table inet filter',
        'nft add chain inet filter input { type filter hook input priority 0 ; policy drop ; }',
        'nft add chain inet filter forward { type filter hook forward priority 0 ; policy drop ; }',
        'nft add chain inet filter output { type filter hook output priority 0 ; policy accept ; }',
        'nft add rule inet filter input tcp dport 22 accept',
      ],
      'nft flush ruleset',
    ],
    ['iptables that drops the port', ['iptables -A INPUT -p udp --dport 2055 -j DROP'], 'iptables -F INPUT'],
    ['iptables that drops all', ['iptables -P INPUT DROP'], 'iptables -P INPUT ACCEPT'],
    [
      'iptables-legacy that drops the port',
      ['iptables-legacy -A INPUT -p udp --dport 2055 -j DROP'],
      'iptables-legacy -F INPUT',
    ],
  ])('%s is found, and its command lets the port in', async (_, commands, undo) => {
    const carryOut = async (command: string): Promise<void> => {
      const [program = '', ...args] = command.split(' ');
      expect(await run(program, args), command).toBeDefined();
    };
    expect(idsOf(await ask())).toEqual([]);
    for (const command of commands) await carryOut(command);
    const { findings } = await ask();
    expect(findings.map(({ id }) => id)).toEqual(['firewall-drops']);
    for (const line of findings[0]?.fix ?? []) await carryOut(line);
    expect(idsOf(await ask())).toEqual([]);
    await carryOut(undo);
  });
});

it('a firewall of IPv6 alone is told of an address of IPv6 alone', async () => {
  const rules =
    'table ip6 filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy drop;\n\t}\n}\ntable bridge x {\n}\n';
  const run: RunProgram = async (program) => (program === 'nft' ? rules : undefined);
  const ask = async (host: string) => checkFirewall(await readFile([`listen: [ "udp://${host}:2055" ]`]), run).run();
  for (const host of ['0.0.0.0', '192.0.2.1', '[::]']) expect(idsOf(await ask(host)), host).toEqual([]);
  expect((await ask('[2001:db8::1]')).findings[0]?.fix).toEqual([
    'nft insert rule ip6 filter INPUT udp dport 2055 accept',
  ]);
});

it('firewalld that does not name our port is found, and asked with its own words', async () => {
  const file = await readFile(['listen: [ "udp://0.0.0.0:2055", "tcp://0.0.0.0:4739" ]']);
  const open = new Set(['4739/tcp']);
  const run: RunProgram = async (program, [what = '']) => {
    if (program !== 'firewall-cmd') return undefined;
    if (what === '--state') return 'running\n';
    if (what === '--list-all')
      return 'public (active)\n  target: default\n  services: dhcpv6-client ssh\n  rich rules: \n';
    return open.has(what.replace('--query-port=', '')) ? 'yes\n' : undefined;
  };
  const { findings } = await checkFirewall(file, run).run();
  expect(findings.map(({ title, fix }) => [title.includes('udp://0.0.0.0:2055'), fix])).toEqual([
    [true, ['firewall-cmd --permanent --add-port=2055/udp && firewall-cmd --reload']],
  ]);
  open.add('2055/udp');
  expect(idsOf(await checkFirewall(file, run).run())).toEqual([]);
});

describe('the weir that runs', () => {
  let server: Server;
  let answers: Record<string, readonly [number, string]>;
  let port: number;
  beforeAll(async () => {
    server = createServer(({ url = '' }, response) => {
      const [status, body] = answers[url] ?? [404, ''];
      response.writeHead(status).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => {
    server.close();
  });

  const nowMs = 1_700_000_600_000;
  const build =
    'weir_telemetry_build_info{version="1"} 1\nprocess_start_time_seconds 1700000000\nweir_decode_templates_known 0\n';

  async function askAll() {
    const file = await readFile([`telemetry: { http: "127.0.0.1:${port}" }`]);
    const asked = askRunningWeir(file);
    const [weir, exporters] = await Promise.all([
      checkRunningWeir(file, asked, nowMs).run(),
      checkExporters(asked).run(),
    ]);
    return [...weir.findings, ...exporters.findings];
  }

  it('and is well has no finding', async () => {
    answers = {
      '/metrics': [200, `${build}weir_collect_datagrams_received_total{exporter="192.0.2.1"} 5\n`],
      '/readyz': [200, '{"ready":true}'],
    };
    expect(await askAll()).toEqual([]);
  });

  it('and hears nobody, dropped datagrams, or is not ready, has some', async () => {
    answers = {
      '/metrics': [200, build],
      '/readyz': [503, '{"ready":false,"checks":{"queue":"ok","index":"no answer in time"}}'],
    };
    expect((await askAll()).map(({ id }) => id)).toEqual(['weir-not-ready', 'nothing-arrives']);
    answers['/metrics'] = [
      200,
      `${build}weir_collect_datagrams_received_total{exporter="192.0.2.1"} 50\nweir_collect_kernel_datagrams_dropped_total 50\nweir_collect_datagrams_refused_total 7\n`,
    ];
    const found = await askAll();
    expect(found.map(({ id }) => id)).toEqual(['weir-not-ready', 'kernel-drops', 'exporters-refused']);
    expect(found[1]?.title).toContain('(50 % of all)');
  });

  it('tells of its exporters, by its list or else by its metrics, and nothing that is none', async () => {
    const open =
      'weir_decode_findings_open{exporter="192.0.2.1",finding="gateway-trap"} 1\nweir_decode_findings_open{exporter="x",finding="constructor"} 1\n';
    answers = {
      '/metrics': [200, `${build}weir_collect_datagrams_received_total{exporter="192.0.2.1"} 5\n${open}`],
      '/readyz': [200, '{}'],
    };
    expect(await askAll()).toMatchObject([{ id: 'gateway-trap', exporter: '192.0.2.1', severity: 'error' }]);
    const finding = { id: 'a', severity: 'warning', title: 'b', why: 'c', fix: ['d'] };
    answers['/api/status'] = [200, JSON.stringify({ warnings: [finding, { ...finding, fix: 'rm' }, null, { id: 1 }] })];
    expect(await askAll()).toEqual([finding]);
  });

  it('may be another program, one that hangs, or none', async () => {
    answers = { '/metrics': [200, '<html>a page</html>'] };
    expect((await askAll()).map(({ id }) => id)).toEqual(['weir-not-running']);
    const hanging = createTcpServer(() => undefined);
    await new Promise<void>((resolve) => hanging.listen(0, '127.0.0.1', resolve));
    try {
      const file = await readFile([`telemetry: { http: "127.0.0.1:${(hanging.address() as AddressInfo).port}" }`]);
      const { reason } = await askRunningWeir(file);
      expect(reason).toContain('none within 3 s');
    } finally {
      hanging.close();
    }
    expect((await askRunningWeir(await readFile(['telemetry: { http: off }']))).metrics).toBeUndefined();
  }, 20_000);

  it('that hears nobody may sit behind strict reverse paths', async () => {
    const proc = join(folder, 'proc-paths');
    for (const [name, value] of [
      ['all', 1],
      ['lo', 0],
      ['eth0', 0],
      ['eth1', 0],
    ] as const) {
      mkdirSync(join(proc, 'sys/net/ipv4/conf', name), { recursive: true });
      writeFileSync(join(proc, 'sys/net/ipv4/conf', name, 'rp_filter'), `${value}\n`);
    }
    const silent = Promise.resolve({ reason: '', metrics: readSamples(build) });
    expect(idsOf(await checkReversePath(silent, nowMs, proc).run())).toEqual(['reverse-path']);
    const heard = Promise.resolve({
      reason: '',
      metrics: readSamples(`${build}weir_collect_datagrams_received_total{exporter="a"} 1`),
    });
    expect(idsOf(await checkReversePath(heard, nowMs, proc).run())).toEqual([]);
  });
});

describe('metrics as text', () => {
  it('are read with their labels, and lines that are none are passed over', () => {
    const samples = readSamples('# HELP a b\na{x="1 \\"q\\" \\\\",y="z"} 2\na 3\nb NaN\n}{\nc{ 1');
    expect(samples.get('a')).toEqual([
      { labels: { x: '1 "q" \\', y: 'z' }, value: 2 },
      { labels: {}, value: 3 },
    ]);
    expect(samples.sum('a')).toBe(5);
    expect(samples.get('b')).toBeUndefined();
    expect(samples.sum('c')).toBe(0);
  });
});
