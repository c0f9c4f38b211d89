// Long fuzzing of the decoder: `npm run fuzz -- --count 1000000 --seed 1`. Not part of `npm test`, whose property tests are short.
// Datagrams are mutations of the demo's and, where they are at hand, of real captures, and plain noise; one decoder takes them all,
// so that hostile templates meet innocent data. Ends with code 1 on an exception, a slow datagram, too many rows, or growing memory.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createSimulatedExporters } from '../../src/app/demo/exporters.ts';
import { createRandom, type Random } from '../../src/app/demo/random.ts';
import { createDecoder } from '../../src/decode/decoder.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' } },
});
const count = Number(values.count);
const seed = Number(values.seed);

/** The largest datagram is read in well under a millisecond; a collection of garbage takes some ten. */
const slowMs = 1000;
/** A record takes a byte at least, a list in it as many again. */
const maxRowsPerByte = 1;
const maxHeapMb = 600;
const reportEvery = 1_000_000;

function readCorpus(): Buffer[] {
  const corpus: Buffer[] = [];
  const nowMs = Date.UTC(2026, 10, 24);
  for (const exporter of createSimulatedExporters(7, nowMs)) {
    for (let tick = 0; tick < 40; tick += 1) {
      exporter.advance(30, nowMs + tick * 1000, (datagram) => corpus.push(Buffer.from(datagram)));
    }
  }
  const captures = fileURLToPath(new URL('../../../shared/captures/datagrams/', import.meta.url));
  if (existsSync(captures)) {
    for (const name of readdirSync(captures)) {
      const { datagrams } = JSON.parse(readFileSync(join(captures, name), 'utf8')) as { datagrams: string[] };
      corpus.push(...datagrams.map((hex) => Buffer.from(hex, 'hex')));
    }
  }
  return corpus;
}

const interesting = [0, 1, 2, 3, 4, 8, 16, 20, 48, 127, 128, 255, 256, 257, 1024, 0x7fff, 0x8000, 0xffff];

/** Overwrites `bytes` in place; returns how many of them are sent. */
function mutate(bytes: Buffer, length: number, random: Random, corpus: readonly Buffer[]): number {
  let size = length;
  for (let turns = random.between(0, 6); turns > 0; turns -= 1) {
    if (size < 4) return size;
    const at = random.between(0, size - 1);
    switch (random.between(0, 7)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random.between(0, 7));
        break;
      case 1:
        bytes[at] = random.between(0, 255);
        break;
      case 2:
        // Lengths, counts and ids are 16 bits wide: that is where trouble is.
        bytes.writeUInt16BE(random.pick(interesting), Math.min(at & ~1, size - 2));
        break;
      case 3:
        bytes.writeUInt32BE(
          random.pick([0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffc, 0xffff_ffff]),
          Math.min(at & ~3, size - 4),
        );
        break;
      case 4:
        size = at + 1;
        break;
      case 5: {
        const other = random.pick(corpus);
        const from = random.between(0, other.length);
        size = Math.min(
          bytes.length,
          at + other.copy(bytes, at, from, Math.min(other.length, from + bytes.length - at)),
        );
        break;
      }
      case 6:
        bytes.copyWithin(at, random.between(0, size - 1), size);
        break;
      default:
        bytes.fill(random.pick([0, 0xff]), at, Math.min(size, at + random.between(1, 64)));
    }
  }
  return size;
}

const corpus = readCorpus();
const random = createRandom(seed);
let faults = 0;
let rows = 0;
let slowest = 0;
const decoder = createDecoder({
  onFault: () => {
    faults += 1;
  },
  tunnels: seed % 2 === 0 ? 'outer' : 'inner',
});
const work = Buffer.alloc(65_507);
const startedAt = performance.now();
let current = Buffer.alloc(0);
let clockMs = Date.UTC(2026, 10, 24);

function fail(what: string): never {
  console.error(`${what}\nseed ${seed}, datagram ${current.toString('hex')}`);
  process.exit(1);
}

function fastestOf(turns: number): number {
  let fastest = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < turns; turn += 1) {
    const before = performance.now();
    decoder.decode({ payload: current, exporter: '192.0.2.1', exporterPort: 4711, receivedAtMs: clockMs });
    fastest = Math.min(fastest, performance.now() - before);
  }
  return fastest;
}

for (let index = 1; index <= count; index += 1) {
  let size: number;
  if (random.chance(0.02)) {
    size = random.between(0, 200);
    for (let at = 0; at < size; at += 1) work[at] = random.between(0, 255);
    if (size > 4) work.writeUInt16BE(random.pick([5, 9, 10, 0]), 0);
    if (size > 4 && random.chance(0.25)) work.writeUInt32BE(5, 0);
  } else {
    const model = random.pick(corpus);
    size = mutate(work, model.copy(work), random, corpus);
  }
  current = work.subarray(0, size);
  clockMs += random.chance(0.001) ? 60_000 : 1;
  const before = performance.now();
  try {
    let datagramRows = 0;
    for (const set of decoder.decode({
      payload: current,
      exporter: `192.0.2.${random.between(1, 8)}`,
      exporterPort: 4711,
      receivedAtMs: clockMs,
    })) {
      datagramRows += set.rows.length;
      if (index % 1000 === 0) JSON.stringify(set);
    }
    rows += datagramRows;
    // Parked sets of up to 2 MB may come along with the template they waited for.
    if (datagramRows > maxRowsPerByte * (size + 2 * 1024 * 1024)) fail(`${datagramRows} rows`);
    if (index % 10_000 === 0) decoder.expire(clockMs);
  } catch (error) {
    fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const tookMs = performance.now() - before;
  slowest = Math.max(slowest, tookMs);
  // On a busy machine the process itself may have waited: what is slow is slow every time.
  if (tookMs > slowMs && fastestOf(3) > slowMs) fail(`took ${Math.round(tookMs)} ms`);
  if (index % reportEvery === 0) {
    const heapMb = process.memoryUsage().heapUsed / 2 ** 20;
    const rate = Math.round(index / ((performance.now() - startedAt) / 1000));
    console.log(
      `${index / 1e6} M datagrams, ${rate}/s, ${rows} rows, ${faults} faults, slowest ${slowest.toFixed(0)} ms, heap ${heapMb.toFixed(0)} MB`,
    );
    if (heapMb > maxHeapMb) fail(`the heap has ${heapMb} MB`);
  }
}
console.log(`seed ${seed}: ${count} datagrams, no exception, slowest ${slowest.toFixed(0)} ms`);
