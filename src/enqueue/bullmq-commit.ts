// Puts a job on the queue, and with it, all or nothing: its number, by which a Redis that lost data is found out (0040), and how far
// exporters' records are in safe hands (0044).

import { Job as BullmqJob, type Queue as BullmqQueue } from 'bullmq';
import type { SequencePosition } from '../model/sequence.ts';
import { type JobData, type QueueKeys, toJobId } from './bullmq-keys.ts';
import { type FormerPosition, fromReached, toReachedField, toReachedText } from './reached.ts';
import type { RedisClient } from './redis-connection.ts';

/** Whoever is silent for longer has no more batches that anybody would miss. */
const keepSeconds = 8 * 24 * 60 * 60;
/** Forged addresses must not fill Redis: as many as one decoder counts. */
const maxReached = 40_000;
/** Jobs leave Redis when they are done; failures are settled by the consumer, which sets no limit of BullMQ's own. */
const jobOptions = { removeOnComplete: true, removeOnFail: false, attempts: 1_000_000, stackTraceLimit: 0 } as const;

/**
 * Comes behind the script that adds the job, in one transaction. What comes too late, or was ended a while ago, is taken out of line
 * again. A job that was there is counted already: BullMQ leaves it as it is. Redis undoes neither a transaction nor a script that breaks
 * off because a key is somebody else's, so this asks before it writes, and takes the job back where not all of it can be done.
 * mark, reached, counts, job, wait, fence, ended; writer, number, seconds, most entries, records, bytes, id, field and text of each
 * position → what became of it, number before, then field and text of what others had written.
 */
const commitScript = `
local isNew = redis.call('HEXISTS', KEYS[4], 'counted') == 0
local failure
for _, ask in ipairs({ { 'LLEN', 5 }, { 'GET', 1 }, { 'GET', 6 }, { 'HLEN', 2 }, { 'HLEN', 3 } }) do
  local answer = redis.pcall(ask[1], KEYS[ask[2]])
  if type(answer) == 'table' and answer.err then failure = answer end
end
if isNew and not failure and not redis.call('LPOS', KEYS[5], ARGV[7]) then
  failure = redis.error_reply('ERR the job is not in line')
end
if failure then
  if isNew then
    redis.pcall('LREM', KEYS[5], 1, ARGV[7])
    redis.call('DEL', KEYS[4])
  end
  return failure
end
local isLate = tonumber(ARGV[2]) <= tonumber(redis.call('GET', KEYS[6]) or '0')
local fate = 'added'
if redis.call('HSETNX', KEYS[4], 'counted', '1') == 1 then
  if isLate or redis.call('EXISTS', KEYS[7]) == 1 then
    redis.call('LREM', KEYS[5], 1, ARGV[7])
    redis.call('DEL', KEYS[4])
    fate = 'ended'
  else
    redis.call('HINCRBY', KEYS[3], 'records', ARGV[5])
    redis.call('HINCRBY', KEYS[3], 'bytes', ARGV[6])
    redis.call('HINCRBY', KEYS[3], 'recordsIn', ARGV[5])
  end
end
if isLate then return { 'late', '0' } end
local answer = { fate, redis.call('GET', KEYS[1]) or '0' }
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
local count = redis.call('HLEN', KEYS[2])
for i = 8, #ARGV, 2 do
  local before = redis.call('HGET', KEYS[2], ARGV[i])
  if before and string.sub(before, 1, #ARGV[1]) ~= ARGV[1] then
    table.insert(answer, ARGV[i])
    table.insert(answer, before)
  end
  if before or count < tonumber(ARGV[4]) then
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
    if not before then count = count + 1 end
  end
end
if #ARGV > 7 then redis.call('EXPIRE', KEYS[2], ARGV[3]) end
return answer
`;
const commitCommand = 'weirCommit';

/** Once for each connection, before the first `commitJob`. */
export function prepareCommits(client: RedisClient): void {
  client.defineCommand(commitCommand, { numberOfKeys: 7, lua: commitScript });
}

export interface Commit {
  /** Of this process. */
  readonly writer: string;
  readonly ordinal: number;
  readonly reached: readonly SequencePosition[];
  /** Called as soon as what is sent after it arrives after it. */
  readonly onSent?: () => void;
}

export interface Committed {
  /** `ended`: it had been here, and whoever took it is done with it. `late`: `fenceCommits` came before; it is not taken. */
  readonly fate: 'added' | 'ended' | 'late';
  /** The number of the batch before it that Redis still knows of; 0: none. */
  readonly ordinalBefore: number;
  /** Where other writers had left the counters of `reached`. */
  readonly formers: readonly FormerPosition[];
}

/** Throws where Redis does not take all of it. */
export async function commitJob(
  queue: BullmqQueue,
  keys: QueueKeys,
  job: JobData,
  { writer, ordinal, reached, onSent }: Commit,
): Promise<Committed> {
  const client = await queue.backend.client;
  const multi = client.multi();
  const jobId = toJobId(job.id);
  await new BullmqJob(queue, 'batch', job, { ...jobOptions, jobId }, jobId).addJob(multi, {});
  const positions = reached.flatMap((position) => [toReachedField(position), toReachedText(writer, position)]);
  const touched = [
    ...[keys.mark(writer), keys.reached, keys.counts, keys.bullmq(jobId), keys.bullmq('wait')],
    ...[keys.fence(writer), keys.ended(jobId)],
  ];
  const about = [writer, ordinal, keepSeconds, maxReached, job.records, job.bytes, jobId];
  const answering = multi.runCommand(commitCommand, [...touched, ...about, ...positions]).exec();
  onSent?.();
  const answers = await answering;
  if (answers === null) throw new Error('Redis did not carry out a transaction');
  for (const [error] of answers) if (error !== null) throw error;
  const [fate, before, ...others] = ((answers.at(-1)?.[1] ?? []) as unknown[]).map(String);
  return { fate: fate as Committed['fate'], ordinalBefore: Number(before), formers: toFormers(others) };
}

/** mark, fence; number, seconds → the number of the last batch that is here. */
const fenceScript = `
redis.call('SET', KEYS[2], ARGV[1], 'EX', ARGV[2])
return redis.call('GET', KEYS[1]) or '0'
`;

/**
 * Nothing that was sent with a number up to `ordinal` is taken from now on: it may still be under way, on a connection that was given up.
 * Returns the last number that was.
 */
export async function fenceCommits(
  client: RedisClient,
  keys: QueueKeys,
  writer: string,
  ordinal: number,
): Promise<number> {
  return Number(await client.eval(fenceScript, 2, keys.mark(writer), keys.fence(writer), ordinal, keepSeconds));
}

function toFormers(words: readonly string[]): FormerPosition[] {
  const formers: FormerPosition[] = [];
  for (let at = 0; at + 1 < words.length; at += 2) {
    const former = fromReached(words[at] ?? '', words[at + 1] ?? '');
    if (former !== undefined) formers.push(former);
  }
  return formers;
}
