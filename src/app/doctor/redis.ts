// Is the Redis one that keeps flows: does it answer, does it throw nothing away, has it room, does it save?

import { toWhere } from '../../enqueue/redis-connection.ts';
import { type RedisFacts, readRedisFacts } from '../../enqueue/redis-facts.ts';
import { memoryLimit } from '../../enqueue/redis-memory.ts';
import type { RedisTarget } from '../../enrich/pipeline-file.ts';
import { WeirError } from '../../model/errors.ts';
import type { Finding } from '../../model/finding.ts';
import { toFinding } from '../findings/catalog.ts';
import { toBinarySizeText } from './binary-size.ts';
import type { Check, Checked } from './check.ts';
import { toClockFindings } from './clock.ts';

const answerTimeoutMs = 5000;
/** LMOVE and others that BullMQ's scripts use. */
const minVersion = [6, 2] as const;

export function checkRedis(redis: RedisTarget, now: () => number): Check {
  const server = toWhere(redis);
  return {
    what: `Redis ${server}`,
    async run(): Promise<Checked> {
      try {
        const facts = await readRedisFacts(redis, answerTimeoutMs, now);
        return {
          findings: facts.flatMap((each) => toFindings(redis, facts.length > 1 ? each.address : server, each)),
          said: facts.map(toSaid).join('; '),
        };
      } catch (error) {
        if (!(error instanceof WeirError)) throw error;
        const hint = error.hint === undefined ? `redis-cli ${toAddress(redis)} PING` : `# ${error.hint}`;
        return { findings: [toFinding('redis-away', { server, reason: error.message, hint })], said: error.message };
      }
    },
  };
}

function toFindings(redis: RedisTarget, server: string, facts: RedisFacts): readonly Finding[] {
  const { address, version, memory, isSaved, cannotSave, skewMs } = facts;
  const { usedBytes, maxBytes, policy } = memory;
  const findings: Finding[] = [];
  const more = Math.ceil((redis.maxBytes / memoryLimit) * 1.1);
  const values = {
    server,
    address,
    version,
    policy,
    wanted: toBinarySizeText(redis.maxBytes),
    bytes: Math.max(more, 2 * maxBytes),
  };
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < minVersion[0] || (major === minVersion[0] && minor < minVersion[1]))
    findings.push(toFinding('redis-old', values));
  if (policy !== 'noeviction') findings.push(toFinding('redis-evicts', values));
  if (maxBytes === 0) findings.push(toFinding('redis-unbounded', { ...values, bytes: more }));
  else if (usedBytes >= memoryLimit * maxBytes) {
    findings.push(
      toFinding('redis-full', { ...values, used: toBinarySizeText(usedBytes), max: toBinarySizeText(maxBytes) }),
    );
  }
  if (cannotSave) findings.push(toFinding('redis-cannot-save', values));
  else if (!isSaved) findings.push(toFinding('redis-unsaved', values));
  return [...findings, ...toClockFindings(`Redis at ${server}`, skewMs)];
}

function toSaid({ version, memory: { usedBytes, maxBytes, policy } }: RedisFacts): string {
  const max = maxBytes === 0 ? 'no limit' : toBinarySizeText(maxBytes);
  return `Redis ${version}, ${toBinarySizeText(usedBytes)} of ${max}, ${policy}`;
}

function toAddress({ nodes, socket }: RedisTarget): string {
  if (socket !== undefined) return `-s ${socket}`;
  const [first] = nodes;
  return `-h ${first?.host ?? ''} -p ${first?.port ?? ''}`;
}
