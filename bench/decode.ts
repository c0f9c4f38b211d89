// Records per second from datagram to rows, and microseconds per compiled template: `npx tsx bench/decode.ts`.
// 24 records a datagram, 20 fields a record, datagrams of changing content so that no value is a constant to V8.

import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createDecoder, type Decoder } from '../src/decode/decoder.ts';
import { compileRowReader, type ReaderPlan } from '../src/decode/row-reader.ts';
import {
  type FieldSpec,
  ipfix,
  ipfixTemplate,
  netflow5,
  netflow9,
  netflow9Template,
  set,
  uint,
} from '../test/decode/datagram-builder.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const recordsPerDatagram = 24;
const differentDatagrams = 200;

/** What a router's IPv4 template looks like: 20 fields, 65 bytes. */
const twentyFields: readonly FieldSpec[] = (
  [
    [8, 4],
    [12, 4],
    [15, 4],
    [10, 4],
    [14, 4],
    [2, 4],
    [1, 4],
    [22, 4],
    [21, 4],
    [7, 2],
    [11, 2],
    [6, 1],
    [4, 1],
    [5, 1],
    [16, 4],
    [17, 4],
    [9, 1],
    [13, 1],
    [61, 1],
    [89, 1],
  ] as const
).map(([id, length]) => ({ id, length }));

const recordBytes = twentyFields.reduce((sum, { length }) => sum + length, 0);

export async function benchDecode(): Promise<void> {
  const template = { id: 256, fields: twentyFields };
  const bodies = Array.from({ length: differentDatagrams }, () => randomBytes(recordsPerDatagram * recordBytes));
  const v5Bodies = Array.from({ length: differentDatagrams }, () =>
    Array.from({ length: recordsPerDatagram }, () => randomBytes(48)),
  );
  const cases: Record<string, { readonly first: Buffer[]; readonly datagrams: Buffer[] }> = {
    'NetFlow v5': { first: [], datagrams: v5Bodies.map((records) => netflow5(records)) },
    'NetFlow v9': {
      first: [netflow9([set(0, netflow9Template(template))])],
      datagrams: bodies.map((body) => netflow9([set(256, body)])),
    },
    IPFIX: {
      first: [ipfix([set(2, ipfixTemplate(template))])],
      datagrams: bodies.map((body) => ipfix([set(256, body)])),
    },
    'IPFIX with sampling and names of both interfaces joined': {
      first: [ipfix([set(2, ipfixTemplate(template))]), ipfix(joinedTables())],
      datagrams: bodies.map((body) => ipfix([set(256, body)])),
    },
  };
  for (const [name, { first, datagrams }] of Object.entries(cases)) {
    const decoder = createDecoder({ onFault: ({ detail }) => console.error(detail) });
    for (const payload of first) feed(decoder, payload, '192.0.2.1');
    measure(`${name}, one exporter`, decoder, datagrams, ['192.0.2.1']);
  }
  benchManyExporters(bodies);
  benchCompile();
}

/** As real exporters number their datagrams: v5 and IPFIX by records, v9 by datagrams. */
function number(payload: Buffer, datagramsBefore: number): void {
  const version = payload.readUInt16BE(0);
  const at = version === 5 ? 16 : version === 9 ? 12 : 8;
  payload.writeUInt32BE((datagramsBefore * (version === 9 ? 1 : recordsPerDatagram)) >>> 0, at);
}

/** One interval for all, and names of 200 interfaces (most of the random numbers have none). */
function joinedTables(): Buffer[] {
  const sampling = ipfixTemplate({ id: 400, fields: [149, 34].map((id) => ({ id, length: 4 })), scopeCount: 1 });
  const names = ipfixTemplate({ id: 401, fields: [10, 82].map((id) => ({ id, length: 4 })), scopeCount: 1 });
  const entries = Array.from({ length: 200 }, (_, i) =>
    Buffer.concat([uint(i, 4), Buffer.from(`e${i}`.padEnd(4, '\0'))]),
  );
  return [set(3, sampling, names), set(400, uint(0, 4), uint(100, 4)), set(401, ...entries)];
}

function feed(decoder: Decoder, payload: Buffer, exporter: string): number {
  let rows = 0;
  for (const one of decoder.decode({ payload, exporter, exporterPort: 2055, receivedAtMs: 1_700_000_000_000 })) {
    rows += one.rows.length;
  }
  return rows;
}

/** Per second of CPU time: other work on the machine does not count. */
function measure(name: string, decoder: Decoder, datagrams: readonly Buffer[], exporters: readonly string[]): void {
  let i = 0;
  const run = (ms: number): number => {
    const end = performance.now() + ms;
    const cpu = process.cpuUsage();
    let rows = 0;
    while (performance.now() < end) {
      for (let n = 0; n < 100; n++, i++) {
        const sender = i % exporters.length;
        const round = Math.floor(i / exporters.length);
        // In the next round each exporter sends the next datagram, which is of its next template.
        const payload = datagrams[(sender + round) % datagrams.length]!;
        number(payload, round);
        rows += feed(decoder, payload, exporters[sender]!);
      }
    }
    const { user, system } = process.cpuUsage(cpu);
    return rows / (user + system);
  };
  run(exporters.length > 1 ? 3_000 : 500);
  console.log(`decode ${name}: ${run(1_500).toFixed(2)} M records/s`);
}

const exporterCount = 10_000;
const templatesPerExporter = 20;

/** Each with twenty templates: the same twenty for all, as of one model of router, or no two alike in the whole network. */
function benchManyExporters(bodies: readonly Buffer[]): void {
  const exporters = Array.from({ length: exporterCount }, (_, i) => `10.${i >> 8}.${i & 255}.1`);
  const datagrams = bodies.map((body, i) => netflow9([set(256 + (i % templatesPerExporter), body)]));
  for (const areAlike of [true, false]) {
    const decoder = createDecoder({ onFault: ({ detail }) => console.error(detail) });
    const before = memoryBytes();
    exporters.forEach((exporter, i) => {
      const templates = Array.from({ length: templatesPerExporter }, (_, n) =>
        netflow9Template({ id: 256 + n, fields: toVariant(areAlike ? n : i * templatesPerExporter + n) }),
      );
      feed(decoder, netflow9([set(0, ...templates)]), exporter);
    });
    const name = `10,000 exporters x 20 templates, ${areAlike ? 'the same twenty each' : 'no two alike'}`;
    const known = memoryBytes() - before;
    measure(`NetFlow v9, ${name}`, decoder, datagrams, exporters);
    const used = memoryBytes() - before;
    console.log(`decode ${name}: ${(known / 1e6).toFixed(0)} MB when told, ${(used / 1e6).toFixed(0)} MB when in use`);
  }
}

/** The same twenty fields in another order: a permutation for each number, of equal bytes a record. */
function toVariant(variant: number): readonly FieldSpec[] {
  const fields: FieldSpec[] = [];
  const left = [...twentyFields];
  for (let rest = variant; left.length > 0; rest = Math.floor(rest / (left.length + 1))) {
    fields.push(...left.splice(rest % left.length, 1));
  }
  return fields;
}

/** What is needed, without garbage: how much of that a process keeps depends on its heap's limits (docs/decisions/0017). */
function memoryBytes(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Each template differs from all before in the lengths of its fields, so that no cache of V8 helps. */
function benchCompile(): void {
  const count = 4_000;
  const toFields = (seed: number) =>
    twentyFields.map(({ id }, i) => ({ id, length: [1, 2, 4][Math.floor((seed * 7919) / 3 ** i) % 3]! }));
  const plans = Array.from(
    { length: count },
    (_, seed): ReaderPlan => ({
      fields: toFields(seed).map(({ length }) => ({ encoding: 'unsigned', length })),
      columns: twentyFields.map((_, column) => [column]),
    }),
  );
  const record = Buffer.alloc(100);
  measureEach('reader of 20 fields, compiled and first used', plans, (plan) => {
    compileRowReader(plan)(record, 0, record.length, [], undefined);
  });

  const decoder = createDecoder({ onFault: ({ detail }) => console.error(detail) });
  const messages = plans.map((_, seed) => {
    const fields = toFields(seed);
    const length = fields.reduce((sum, field) => sum + field.length, 0);
    return netflow9([set(0, netflow9Template({ id: 256, fields })), set(256, Buffer.alloc(length))]);
  });
  measureEach('datagram with a new template and one record', messages, (payload) =>
    feed(decoder, payload, '192.0.2.1'),
  );
}

/** The median, of the second half: one that other work on the machine interrupted is no outlier in it. */
function measureEach<T>(name: string, items: readonly T[], run: (item: T) => void): void {
  const half = Math.floor(items.length / 2);
  for (const item of items.slice(0, half)) run(item);
  const microseconds = items.slice(half).map((item) => {
    const startedAt = process.hrtime.bigint();
    run(item);
    return Number(process.hrtime.bigint() - startedAt) / 1e3;
  });
  const sorted = microseconds.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor(sorted.length * part)]!.toFixed(1);
  console.log(`decode ${name}: ${at(0.5)} us (median of ${sorted.length}; a tenth takes more than ${at(0.9)})`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchDecode();
