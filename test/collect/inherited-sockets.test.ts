import { type ChildProcess, spawn } from 'node:child_process';
import { expect, test } from 'vitest';
import { readInheritedSockets } from '../../src/collect/inherited-sockets.ts';
import { describeWith } from '../needs.ts';

// As systemd does: opens the sockets as root would, gives them from descriptor 3 on, and becomes the program.
const launcher = `
import os, socket, sys
host, size, program = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
given = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
given.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
given.bind((host, 0))
sender = socket.socket(given.family, socket.SOCK_DGRAM)
sender.sendto(b"sent before the start", given.getsockname())
sys.stdout.write(str(given.getsockname()[1]) + "\\n"); sys.stdout.flush()
descriptor = given.fileno()
if descriptor != 3: os.dup2(descriptor, 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execvp(program[0], program + [str(given.getsockname()[1])])
`;

// Prints each datagram, the buffer, and how many datagrams the kernel dropped.
const listener = `
const { createUdpListener } = await import(${JSON.stringify(new URL('../../src/collect/udp-listener.ts', import.meta.url).href)});
const [host, port] = [process.argv.at(-2), Number(process.argv.at(-1))];
const logger = { info() {}, error() {}, warn: (_, text) => console.log('advice') };
const udp = createUdpListener({
  addresses: [{ host, port }],
  receiveBufferBytes: 50_000,
  inheritedSockets: Number(process.env.LISTEN_FDS),
  onDatagram: ({ payload, exporter }) => console.log(exporter + ' ' + payload),
  logger,
  now: Date.now,
});
await udp.start();
console.log('listening');
setTimeout(async () => { await udp.stop(); console.log('stopped'); process.exit(0); }, 1000);
`;

describeWith(['python'], 'a socket that the process was given', () => {
  test.each(['127.0.0.1', '::'])(
    'on %s is used as it is: with what came before the start, and its buffer',
    async (host) => {
      const node = [
        process.execPath,
        '--import',
        import.meta.resolve('tsx'),
        '--input-type=module',
        '--eval',
        listener,
      ];
      const child = spawn('python3', ['-c', launcher, host, '100000', ...node, '--', host]);
      const output = await readOutput(child);
      const [port, ...lines] = output.trim().split('\n');
      expect(Number(port)).toBeGreaterThan(0);
      const exporter = host === '::' ? '::1' : '127.0.0.1';
      expect([...lines].sort()).toEqual([`${exporter} sent before the start`, 'listening', 'stopped'].sort());
    },
  );
});

test('descriptors that are no UDP sockets are left alone', async () => {
  const sockets = await readInheritedSockets(3);
  expect(sockets.take({ host: '127.0.0.1', port: 1 })).toBeUndefined();
});

async function readOutput(child: ChildProcess): Promise<string> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += chunk));
  await new Promise((resolve) => child.once('close', resolve));
  return output;
}
