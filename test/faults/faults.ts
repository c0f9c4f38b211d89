// What can happen to weir and to the servers behind it, one by one: for the fault matrix, and for the soak run that mixes them.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { waitUntil } from '../end-to-end/weir-process.ts';
import type { Dead } from './balance.ts';
import type { Stage, StageOptions } from './stage.ts';

export interface Fault extends Omit<StageOptions, 'name' | 'folder' | 'elasticsearch'> {
  act(stage: Stage): Promise<void>;
  /** What it acts upon: two faults can come together where these differ. */
  readonly strikes: readonly Part[];
  /** Whose counts die with it: the sums are made without them. */
  readonly dies?: Dead;
  /** Of what was sent so much may be missing, if weir says so. None where absent. */
  readonly mayLose?: boolean;
  /** Else the fault did not happen. */
  readonly mustLose?: boolean;
  /** Nothing else may happen meanwhile, or nobody could name what is gone. */
  readonly isAlone?: boolean;
}

export type Part = 'listener' | 'worker' | 'redis' | 'elasticsearch' | 'clock';

/** Longer than a worker's lock on its batch. */
const beyondLockMs = 9000;
export const onDisk = { appendonly: 'yes', appendfsync: 'everysec' };

export const faults: Readonly<Record<string, Fault>> = {
  nothing: { act: () => sleep(500), strikes: [] },
  'listener restarted in order': {
    strikes: ['listener'],
    async act(stage) {
      // What is sent while no port is open reaches nobody.
      stage.isSilent = true;
      await sleep(100);
      await stage.listener.stop('SIGTERM');
      await stage.startListener();
      stage.isSilent = false;
      await sleep(500);
    },
    // It ended in order, and its counts with it.
    dies: 'listener',
  },
  'listener stopped for 5 s': {
    strikes: ['listener'],
    async act({ listener }) {
      listener.process.kill('SIGSTOP');
      await sleep(5000);
      listener.process.kill('SIGCONT');
    },
    // What the kernel's buffer holds, even where it is small.
    flowsPerSecond: 300,
  },
  'listener killed': {
    strikes: ['listener'],
    async act(stage) {
      await stage.listener.stop('SIGKILL');
      await sleep(500);
      await stage.startListener();
      await sleep(500);
    },
    dies: 'listener',
    mustLose: true,
  },
  'listener killed while Redis is away': {
    strikes: ['listener', 'redis'],
    async act(stage) {
      stage.redisWay.refuse();
      await sleep(1500);
      await stage.listener.stop('SIGKILL');
      await stage.startListener();
      await sleep(500);
      stage.redisWay.mend();
    },
    dies: 'listener',
    mayLose: true,
  },
  'worker killed with batches in its hands': {
    strikes: ['worker', 'elasticsearch'],
    async act(stage) {
      stage.elasticsearchWay.always = { status: 503 };
      await sleep(700);
      const { sent } = stage;
      const sentBefore = sent();
      await stage.workers[0].stop('SIGKILL');
      stage.elasticsearchWay.always = undefined;
      const killedAtMs = Date.now();
      await waitUntil(() => stage.isSettled(sentBefore), 60_000, 'its batches');
      stage.remarks.push(`Its batches were indexed ${(Date.now() - killedAtMs) / 1000} s after its death.`);
      await stage.startWorker(0);
    },
    dies: 'worker',
  },
  'a batch that kills its worker three times': {
    strikes: ['listener', 'worker', 'redis', 'elasticsearch'],
    isAlone: true,
    async act(stage) {
      await stage.workers[1].stop();
      // One batch alone, so that every next worker has no other one to take.
      stage.isSilent = true;
      await waitUntil(() => stage.isSettled(stage.sent()), 60_000, 'what was sent');
      stage.elasticsearchWay.always = { status: 503 };
      stage.isSilent = false;
      await waitUntil(() => isHeldAgain(stage, 0), 30_000, 'a batch in hand');
      stage.isSilent = true;
      for (let death = 0; death < 3; death += 1) {
        await stage.workers[0].stop('SIGKILL');
        await stage.startWorker(0);
        if (death < 2) await waitUntil(() => isHeldAgain(stage, death + 1), 60_000, 'the batches of the dead worker');
      }
      stage.elasticsearchWay.always = undefined;
      stage.isSilent = false;
      await stage.startWorker(1);
    },
    dies: 'worker',
    mustLose: true,
  },
  'worker stopped beyond its lock': {
    strikes: ['worker', 'elasticsearch'],
    async act({ workers, elasticsearchWay }) {
      // With a batch in its hands.
      elasticsearchWay.always = { status: 503 };
      await sleep(700);
      workers[0].process.kill('SIGSTOP');
      await sleep(300);
      elasticsearchWay.always = undefined;
      await sleep(beyondLockMs);
      workers[0].process.kill('SIGCONT');
    },
  },
  'Redis killed, back with its data': {
    strikes: ['redis', 'elasticsearch'],
    redis: onDisk,
    async act({ redis, elasticsearchWay }) {
      elasticsearchWay.always = { status: 503 };
      await sleep(2500);
      await redis.signal('SIGKILL');
      elasticsearchWay.always = undefined;
      await sleep(2000);
      await redis.restart();
    },
  },
  'Redis killed, back without its data': {
    strikes: ['redis', 'elasticsearch'],
    isAlone: true,
    async act({ redis, elasticsearchWay }) {
      elasticsearchWay.always = { status: 503 };
      await sleep(2000);
      await redis.signal('SIGKILL');
      await sleep(1000);
      await redis.restart();
      await sleep(1000);
      elasticsearchWay.always = undefined;
    },
    dies: 'redis',
  },
  'Redis flushed (FLUSHALL)': {
    strikes: ['redis', 'elasticsearch'],
    isAlone: true,
    async act({ redis, elasticsearchWay }) {
      elasticsearchWay.always = { status: 503 };
      await sleep(2000);
      await redis.ask('FLUSHALL');
      await sleep(1500);
      elasticsearchWay.always = undefined;
    },
    dies: 'redis',
  },
  'bytes of batches gone from Redis': {
    strikes: ['redis', 'elasticsearch'],
    isAlone: true,
    async act({ redis, elasticsearchWay }) {
      elasticsearchWay.always = { status: 503 };
      await sleep(2000);
      await redis.ask('EVAL', "return redis.call('UNLINK', unpack(redis.call('KEYS', 'weir:test:batch:*')))", '0');
      elasticsearchWay.always = undefined;
    },
    mustLose: true,
  },
  'Redis stopped for 4 s': {
    strikes: ['redis'],
    async act({ redis }) {
      await redis.signal('SIGSTOP');
      await sleep(4000);
      await redis.signal('SIGCONT');
    },
  },
  'Redis connections cut, again and again': {
    strikes: ['redis'],
    async act({ redisWay }) {
      for (let round = 0; round < 6; round += 1) {
        redisWay.cut();
        await sleep(300);
      }
    },
  },
  'Redis refused for 4 s': {
    strikes: ['redis'],
    async act({ redisWay }) {
      redisWay.refuse();
      await sleep(4000);
      redisWay.mend();
    },
  },
  'Redis swallowed for 6 s': {
    strikes: ['redis'],
    async act({ redisWay }) {
      redisWay.swallow();
      await sleep(6000);
      redisWay.mend();
    },
  },
  'Redis slow by 100 ms': {
    strikes: ['redis'],
    async act({ redisWay }) {
      redisWay.delay(100);
      await sleep(3000);
      redisWay.mend();
    },
  },
  'Redis at maxmemory': {
    strikes: ['redis', 'elasticsearch'],
    async act({ redis, elasticsearchWay }) {
      elasticsearchWay.always = { status: 503 };
      const used = Number(/used_memory:(\d+)/.exec(await redis.ask('INFO', 'memory'))?.[1]);
      await redis.ask('CONFIG', 'SET', 'maxmemory', `${used + 1_000_000}`);
      await sleep(4000);
      elasticsearchWay.always = undefined;
      await sleep(500);
      await redis.ask('CONFIG', 'SET', 'maxmemory', '0');
    },
    flowsPerSecond: 4000,
  },
  'spool full: Redis away, disk of 1 MiB': {
    strikes: ['listener', 'redis'],
    queue: 'spool: { size: 8MiB }',
    prepare: (folder) => mountSmallDisk(join(folder, 'listener', 'state')),
    async act(stage) {
      stage.redisWay.refuse();
      await sleep(4000);
      stage.redisWay.mend();
    },
    flowsPerSecond: 6000,
    mayLose: true,
  },
  'clocks step an hour ahead, and half an hour back': {
    strikes: ['clock'],
    environment: (folder) => steppingClock(folder),
    async act({ folder }) {
      setClock(folder, '+1h');
      await sleep(4000);
      setClock(folder, '-30m');
      await sleep(4000);
      setClock(folder, '+0');
    },
  },
  'Elasticsearch stopped for 6 s': {
    strikes: ['elasticsearch'],
    async act({ elasticsearch }) {
      process.kill(elasticsearch.pid, 'SIGSTOP');
      await sleep(6000);
      process.kill(elasticsearch.pid, 'SIGCONT');
    },
  },
  'Elasticsearch killed and restarted': {
    strikes: ['elasticsearch'],
    async act({ elasticsearch }) {
      await elasticsearch.kill();
      await sleep(1000);
      await elasticsearch.restart();
    },
  },
  'Elasticsearch’s answers swallowed': {
    strikes: ['elasticsearch'],
    async act({ elasticsearchWay }) {
      elasticsearchWay.always = 'cut after';
      await sleep(3000);
      elasticsearchWay.always = undefined;
    },
  },
  'half of Elasticsearch’s answers': {
    strikes: ['elasticsearch'],
    async act({ elasticsearchWay }) {
      elasticsearchWay.always = 'cut in the answer';
      await sleep(3000);
      elasticsearchWay.always = undefined;
    },
  },
  'Elasticsearch says 429, then 503': {
    strikes: ['elasticsearch'],
    async act({ elasticsearchWay }) {
      elasticsearchWay.always = { status: 429 };
      await sleep(2000);
      elasticsearchWay.always = { status: 503 };
      await sleep(2000);
      elasticsearchWay.always = undefined;
    },
  },
};

/** Some batch is in hands again, after so many workers died with it (`stc`: BullMQ's count of them). */
async function isHeldAgain({ redis }: Stage, deaths: number): Promise<boolean> {
  const script = `
for _, id in ipairs(redis.call('LRANGE', '{weir:test}:test:active', 0, -1)) do
  local job = '{weir:test}:test:' .. id
  if tonumber(redis.call('HGET', job, 'stc') or '0') >= tonumber(ARGV[1]) and redis.call('EXISTS', job .. ':lock') == 1 then return 1 end
end
return 0`;
  return (await redis.ask('EVAL', script, '0', `${deaths}`)).startsWith(':1');
}

/** The clock of a process, moved by what a file says: libfaketime, of Debian's package faketime. Its monotonic clock is left alone. */
export function steppingClock(folder: string): Readonly<Record<string, string>> {
  setClock(folder, '+0');
  return {
    LD_PRELOAD: '/usr/$LIB/faketime/libfaketimeMT.so.1',
    FAKETIME_TIMESTAMP_FILE: clockFile(folder),
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

function setClock(folder: string, offset: string): void {
  writeFileSync(clockFile(folder), `${offset}\n`);
}

function clockFile(folder: string): string {
  return join(folder, 'clock');
}

/** Returns how it is undone. Needs root, which CI has: elsewhere the spool has the disk's room, and the fault is none. */
function mountSmallDisk(directory: string): (() => void) | undefined {
  mkdirSync(directory, { recursive: true });
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory]);
  return status === 0 ? () => void spawnSync('umount', [directory]) : undefined;
}
