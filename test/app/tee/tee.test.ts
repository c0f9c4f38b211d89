// Copies of what exporters send: by weir (collect.tee), and by the kernel with rules that `weir tee` prints, in namespaces of their own.

import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it, test } from 'vitest';
import { toNftRules } from '../../../src/app/tee/nft-rules.ts';
import { createFlowSender } from '../../end-to-end/numbered-flows.ts';
import { program, readDocuments, startWeir, waitUntil } from '../../end-to-end/weir-process.ts';
import { describeWith } from '../../needs.ts';

const folder = mkdtempSync(join(tmpdir(), 'weir-tee-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('collect.tee', () => {
  it('copies all flows to another weir, loses none when that one is killed, and changes with the file', async () => {
    const other = await startWeir({ folder: join(folder, 'other') });
    const home = join(folder, 'own');
    const tee = `collect: { tee: [ { to: "udp://127.0.0.1:${other.port}", exporters: 127.0.0.0/8 } ] }`;
    const own = await startWeir({ folder: home, settings: tee });
    const sender = createFlowSender(own.port);
    await sender.send(300);
    await waitUntil(() => readDocuments(join(folder, 'other')).length === 300, 20_000, 'flows at the other');
    await other.stop('SIGKILL');
    await sender.send(300);
    await waitUntil(() => readDocuments(home).length === 600, 20_000, 'flows after the kill');

    const third = await startWeir({ folder: join(folder, 'third') });
    const file = join(home, 'pipeline.yml');
    writeFileSync(file, readFileSync(file, 'utf8').replace(tee, `collect: { tee: "udp://127.0.0.1:${third.port}" }`));
    own.process.kill('SIGHUP');
    await waitUntil(() => own.output().includes('is in effect'), 20_000, own.output);
    await sender.send(300);
    sender.close();
    await waitUntil(() => readDocuments(join(folder, 'third')).length === 300, 20_000, 'flows at the third');
    await waitUntil(() => readDocuments(home).length === 900, 20_000, 'all flows');
    expect(readDocuments(join(folder, 'other')).length).toBe(300);
    await Promise.all([own.stop(), third.stop()]);
  });
});

test('weir tee refuses what the kernel can’t do, and copies each kind of address to its own kind', () => {
  const rules = (hosts: string[], exporters?: string[]) =>
    toNftRules({ ports: [2055], targets: hosts.map((host) => ({ host, port: 9995 })), exporters });
  expect(() => rules(['collector.example'])).toThrow('needs an IP address');
  const own = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address));
  for (const host of ['127.0.0.1', '0.0.0.0', '::', ...own])
    expect(() => rules([host]), host).toThrow('this machine itself');
  expect(() => rules(['::ffff:10.0.0.9'])).toThrow('expected IPv4 in its own form');
  expect(() => rules(['10.0.0.9'], ['::ffff:10.0.0.0/104'])).toThrow('expected IPv4 in its own form');
  expect(() => rules(['10.0.0.9'], ['2001:db8::/32'])).toThrow('the same kind');
  const both = rules(['10.0.0.9', '2001:db8::9'], ['10.0.0.0/8', '2001:db8::/32']);
  expect(both).toContain('ip saddr { 10.0.0.0/8 } udp dport { 2055 }');
  expect(both).toContain('ip6 saddr { 2001:db8::/32 } udp dport { 2055 }');
});

describeWith(['nft', 'ip', 'python'], 'the kernel, with the rules of weir tee', () => {
  const names = ['exporter', 'weir', 'other', 'third'].map((name) => `weirtee${process.pid}${name}`) as [
    string,
    string,
    string,
    string,
  ];
  const [exporter, own, other, third] = names;
  const run = (command: string, ...args: string[]) =>
    promisify(execFile)(command, args, { env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` } });
  afterAll(() => Promise.all(names.map((name) => run('ip', 'netns', 'del', name).catch(() => undefined))));

  /** Prints what comes: "sender port text". */
  const receiver = `import socket,sys
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(("0.0.0.0",int(sys.argv[1]))); s.settimeout(20)
print("ready",flush=True)
while True:
  data,(host,port)=s.recvfrom(65535); print(host,port,data.decode(),flush=True)
  if data==b"end": break`;

  function receive(namespace: string, port: number) {
    const child = spawn('ip', ['netns', 'exec', namespace, 'python3', '-c', receiver, String(port)], {
      env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    return { output: () => output, ended: new Promise((resolve) => child.on('exit', resolve)) };
  }

  async function connect(a: string, addressA: string, b: string, addressB: string, name: string): Promise<void> {
    await run('ip', 'link', 'add', `${name}0`, 'netns', a, 'type', 'veth', 'peer', 'name', `${name}1`, 'netns', b);
    for (const [namespace, device, address] of [
      [a, `${name}0`, addressA],
      [b, `${name}1`, addressB],
    ] as const) {
      await run('ip', '-n', namespace, 'addr', 'add', `${address}/24`, 'dev', device);
      await run('ip', '-n', namespace, 'link', 'set', device, 'up');
    }
  }

  it('sends copies with the exporter’s own address and port to two collectors', async (context) => {
    try {
      for (const name of names) await run('ip', 'netns', 'add', name);
      await run('ip', 'netns', 'exec', own, 'nft', 'add table ip probe');
    } catch (error) {
      context.skip(`no namespaces or no nf_tables here: ${(error as Error).message}`);
    }
    await connect(exporter, '10.1.0.1', own, '10.1.0.2', 'we');
    await connect(own, '10.2.0.2', other, '10.2.0.9', 'wo');
    await connect(own, '10.3.0.2', third, '10.3.0.9', 'wt');

    const home = join(folder, 'rules');
    mkdirSync(home);
    writeFileSync(join(home, 'p.yml'), 'name: a\nsteps: []\nlisten: [ "udp://0.0.0.0:2055", "udp://0.0.0.0:4739" ]\n');
    const to = ['--to', '10.2.0.9:9995', '--to', '10.3.0.9:2055'];
    const { stdout } = await run(
      process.execPath,
      program,
      'tee',
      join(home, 'p.yml'),
      ...to,
      '--exporter',
      '10.1.0.1',
    );
    writeFileSync(join(home, 'tee.nft'), stdout);
    // Twice: it replaces itself.
    for (let i = 0; i < 2; i += 1) await run('ip', 'netns', 'exec', own, 'nft', '-f', join(home, 'tee.nft'));

    const receivers = [receive(own, 2055), receive(other, 9995), receive(third, 2055)];
    await waitUntil(() => receivers.every(({ output }) => output().includes('ready')), 20_000, 'three receivers');
    const send = `import socket
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(("0.0.0.0",5000))
for text in (b"one",b"two",b"end"): s.sendto(text,("10.1.0.2",2055))`;
    await run('ip', 'netns', 'exec', exporter, 'python3', '-c', send);
    await Promise.all(receivers.map(({ ended }) => ended));
    for (const { output } of receivers)
      expect(output()).toBe('ready\n10.1.0.1 5000 one\n10.1.0.1 5000 two\n10.1.0.1 5000 end\n');
  });
});
