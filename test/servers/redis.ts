// A real redis-server on a free port of 127.0.0.1, as a process that can be killed, stopped in its tracks and started again.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** SIGKILL, SIGSTOP, SIGCONT …; after one that ends it `restart` may follow. */
  signal(signal: NodeJS.Signals): Promise<void>;
  /** On the same port, with what lies on its disk; `more`: further settings. */
  restart(more?: Readonly<Record<string, string>>): Promise<void>;
  /** One command, its words apart; the raw answer of the protocol (RESP). For tests only: no binary values. */
  ask(...words: readonly string[]): Promise<string>;
  stop(): Promise<void>;
}

/** `settings`: as in redis.conf, name → value. Nothing is kept on disk unless they say so. */
export async function startRedis(settings: Readonly<Record<string, string>> = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'weir-redis-'));
  const port = await freePort();
  let child: ChildProcess | undefined;

  async function start(more: Readonly<Record<string, string>> = {}): Promise<void> {
    const all = { port: `${port}`, bind: '127.0.0.1', dir: folder, save: '', appendonly: 'no', ...settings, ...more };
    const started = spawn(
      'redis-server',
      Object.entries(all).flatMap(([name, value]) => [`--${name}`, value]),
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    child = started;
    let output = '';
    for (const stream of [started.stdout, started.stderr])
      stream?.on('data', (data: Buffer) => {
        output = (output + data.toString()).slice(-4000);
      });
    for (let tries = 0; !(await isReady()); tries += 1) {
      if (started.exitCode !== null || tries > 400) throw new Error(`redis-server did not start:\n${output}`);
      await sleep(25);
    }
  }

  async function isReady(): Promise<boolean> {
    return (await ask('PING').catch(() => '')).startsWith('+PONG');
  }

  function ask(...words: readonly string[]): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(port, '127.0.0.1');
      let answer = '';
      socket.setTimeout(3000, () => socket.destroy(new Error('no answer from redis-server')));
      socket.on('error', reject);
      socket.on('data', (data) => {
        answer += data.toString();
        if (isWholeAnswer(answer)) socket.end();
      });
      socket.on('close', () => resolve(answer));
      socket.write(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
    });
  }

  async function signal(name: NodeJS.Signals): Promise<void> {
    const running = child;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = new Promise((resolve) => running.once('exit', resolve));
    running.kill(name);
    if (name === 'SIGKILL' || name === 'SIGTERM') await ended;
  }

  await start();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    signal,
    restart: start,
    ask,
    async stop() {
      await signal('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Of a simple answer or one string: what tests ask for. */
function isWholeAnswer(answer: string): boolean {
  const lineEnd = answer.indexOf('\r\n');
  if (lineEnd === -1) return false;
  if (!answer.startsWith('$')) return true;
  const length = Number(answer.slice(1, lineEnd));
  return length < 0 || Buffer.byteLength(answer) >= lineEnd + 2 + length + 2;
}
