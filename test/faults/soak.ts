// Faults mixed at random on one stage, for as long as asked: npm run soak -- --minutes N --seed S. After each round every flow sent so
// far must be in the index once, or be named as lost. The same seed mixes the same faults.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startElasticsearch } from '../servers/elasticsearch/index.ts';
import { namedLosses, readBooks, settleBooks } from './balance.ts';
import { type Fault, faults, onDisk, steppingClock } from './faults.ts';
import { type OpenStage, openStage } from './stage.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '30' }, seed: { type: 'string', default: '1' } },
});
const minutes = Number(values.minutes);
const seed = Number(values.seed);
if (!(minutes > 0) || !Number.isSafeInteger(seed)) throw new Error('--minutes is a number, --seed a whole number');

/** The others need a stage of their own. */
const mixed = Object.entries(faults).filter(([, { prepare, queue, flowsPerSecond }]) => {
  return prepare === undefined && queue === undefined && flowsPerSecond === undefined;
});
const flowsPerSecond = 500;
const readMetricsEveryMs = 1000;
/** An Elasticsearch that was killed under load takes minutes to come back. */
const catchUpLimitMs = 600_000;

const random = createRandom(seed);
const folder = await mkdtemp(join(tmpdir(), 'weir-soak-'));
const elasticsearch = await startElasticsearch({ version: '7.10.2' });
const stage = await openStage({
  name: 'soak',
  folder,
  elasticsearch,
  redis: onDisk,
  flowsPerSecond,
  environment: steppingClock,
});
// What a process counted before it was killed.
const reading = setInterval(() => void stage.counts(), readMetricsEveryMs);
try {
  await soak(stage);
} finally {
  clearInterval(reading);
  await stage.close();
  await elasticsearch.stop();
  await rm(folder, { recursive: true, force: true });
}

async function soak(on: OpenStage): Promise<void> {
  const begunAtMs = Date.now();
  console.log(
    `seed ${seed}, ${minutes} minutes, ${flowsPerSecond} flows/s\nround | faults | sent | indexed | named | doubled | ledger balanced`,
  );
  let before = await readBooks(on);
  for (let round = 1; Date.now() < begunAtMs + minutes * 60_000; round += 1) {
    const chosen = choose();
    on.isSilent = false;
    await sleep(1000);
    await Promise.all(chosen.map(([, { act }]) => act(on)));
    await sleep(1000);
    await on.catchUp(catchUpLimitMs);
    const numbers = await on.readNumbers();
    const indexed = new Set(numbers).size;
    const doubled = numbers.length - indexed;
    const dead = chosen.flatMap(([, { dies }]) => dies ?? []);
    const { books, balanced } = await settleBooks(on, dead, before);
    before = books;
    const named = namedLosses(books);
    const titles = chosen.map(([title]) => title).join(' + ');
    console.log([round, titles, on.sent(), indexed, named, doubled, balanced].join(' | '));
    if (indexed + named === on.sent() && doubled === 0 && balanced === 'yes') continue;
    const missing = on.sent() - indexed - named;
    throw new Error(`round ${round} with seed ${seed}: ${missing} missing, ${doubled} doubled, balanced: ${balanced}`);
  }
  console.log(
    `${((Date.now() - begunAtMs) / 60_000).toFixed(1)} minutes: nothing lost unnamed, nothing doubled, the ledger balanced`,
  );
}

/** One fault or, half of the time, two that act upon different parts. */
function choose(): readonly [string, Fault][] {
  const first = pick(mixed);
  if (first[1].isAlone || random() < 0.5) return [first];
  const others = mixed.filter(([, { strikes, isAlone }]) => {
    return !isAlone && strikes.length > 0 && !strikes.some((part) => first[1].strikes.includes(part));
  });
  return [first, pick(others)];
}

function pick<T>(from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}

/** Mulberry32: enough to choose faults by. */
function createRandom(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixedBits = Math.imul(state ^ (state >>> 15), 1 | state);
    mixedBits = (mixedBits + Math.imul(mixedBits ^ (mixedBits >>> 7), 61 | mixedBits)) ^ mixedBits;
    return ((mixedBits ^ (mixedBits >>> 14)) >>> 0) / 2 ** 32;
  };
}
