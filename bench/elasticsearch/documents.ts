// Generated flows as weir's documents, made by the real decoder and pipeline, and as ElastiFlow's: two files, one line each. Three
// exporters (NetFlow v5 and v9, IPFIX), 2,000 flows a second; places and AS of all outer addresses are known, as with a city database.

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createIpfixExporter } from '../../src/app/demo/build-ipfix.ts';
import { createNetflow5Exporter } from '../../src/app/demo/build-netflow5.ts';
import { createNetflow9Exporter } from '../../src/app/demo/build-netflow9.ts';
import { createDecoder } from '../../src/decode/decoder.ts';
import { createBatcher } from '../../src/enqueue/batcher.ts';
import { createDocumentLane, createPipeline, type NamedStep } from '../../src/enrich/pipeline.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';
import { documentId } from '../../src/model/document.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { writeDatabase } from '../../test/enrich/city-database.ts';
import { createBenchFlows, recordsPerDatagram } from '../bench-flows.ts';
import { toElastiflowLine } from './elastiflow-document.ts';

const recordsPerBatch = 2000;
const flowsPerSecond = 2000;
const startMs = Date.UTC(2026, 10, 24, 12);
const cityCount = 600;

export interface DocumentFile {
  readonly count: number;
  readonly bytesPerDocument: number;
  /** A _bulk body of the documents `from` to `to`; `action` makes the line before each document from its id. */
  body(from: number, to: number, action: (id: string) => string): Buffer;
  close(): void;
}

export interface BenchDocuments {
  readonly weir: DocumentFile;
  readonly elastiflow: DocumentFile;
  /** The database of places that they were made with. */
  readonly cities: string;
  close(): void;
}

interface DocumentFileWriter {
  add(id: string, line: Buffer): void;
  end(): DocumentFile;
}

export async function makeDocuments(folder: string, count: number): Promise<BenchDocuments> {
  const weir = createDocumentFile(join(folder, 'weir.ndjson'));
  const elastiflow = createDocumentFile(join(folder, 'elastiflow.ndjson'));
  let documents = 0;
  const cities = await writeCities(folder);
  const pipeline = createPipeline({ steps: await openSteps(folder, cities) });
  const lane = createDocumentLane();
  const batcher = createBatcher({
    maxRecords: recordsPerBatch,
    maxBytes: Number.POSITIVE_INFINITY,
    maxAgeMs: Number.POSITIVE_INFINITY,
    // As app/run.ts makes it: a time and a random part, the same for all batches of a process.
    idPrefix: '0198f0c4a1b2c3d4-',
    onBatch(batch) {
      const made = pipeline.toDocuments(batch, lane);
      for (let item = 0; item < made.count && documents < count; item += 1) {
        const id = documentId(made.batchId, made.positions[item]!);
        const line = made.bytes.subarray(item === 0 ? 0 : made.ends[item - 1]!, made.ends[item]!);
        weir.add(id, line);
        elastiflow.add(id, toElastiflowLine(line));
        documents += 1;
      }
    },
  });
  const decoder = createDecoder({ onFault: ({ detail }) => console.error(detail) });
  const bootedAtMs = startMs - 10 * 86_400_000;
  const netflow9 = createNetflow9Exporter({ bootedAtMs, sourceId: 1, samplingInterval: 100 });
  const ipfix = createIpfixExporter({ bootedAtMs, domain: 1 });
  const exporters = [createNetflow5Exporter({ bootedAtMs }), netflow9, ipfix];
  const flows = exporters.map((_, seed) => createBenchFlows(seed + 1));
  const receive = (payload: Buffer, exporter: number, receivedAtMs: number): void => {
    const datagram = { payload, exporter: `192.0.2.${exporter + 1}`, exporterPort: 2055, receivedAtMs };
    for (const set of decoder.decode(datagram)) batcher.add(set, receivedAtMs);
  };
  receive(netflow9.templates(startMs), 1, startMs);
  receive(ipfix.templates(startMs), 2, startMs);
  for (let datagram = 0; documents < count; datagram += 1) {
    const nowMs = startMs + Math.floor((datagram * recordsPerDatagram * 1000) / flowsPerSecond);
    const turn = datagram % exporters.length;
    receive(exporters[turn]!.datagram(flows[turn]!(nowMs), nowMs), turn, nowMs);
  }
  await pipeline.close();
  const files = { weir: weir.end(), elastiflow: elastiflow.end() };
  return {
    ...files,
    cities,
    close() {
      files.weir.close();
      files.elastiflow.close();
    },
  };
}

function createDocumentFile(path: string): DocumentFileWriter {
  const file = openSync(path, 'w+');
  const ids: string[] = [];
  /** Offset after each document. */
  const ends: number[] = [];
  let pending: Buffer[] = [];
  const write = (): void => {
    if (pending.length > 0) writeSync(file, Buffer.concat(pending));
    pending = [];
  };
  const end = (document: number): number => (document === 0 ? 0 : ends[document - 1]!);
  return {
    add(id, line) {
      ids.push(id);
      ends.push(end(ends.length) + line.length);
      // The line lies in a buffer that the next batch uses.
      pending.push(Buffer.from(line));
      if (pending.length >= recordsPerBatch) write();
    },
    end() {
      write();
      return {
        count: ids.length,
        bytesPerDocument: end(ids.length) / ids.length,
        body(from, to, action) {
          const start = end(from);
          const lines = Buffer.allocUnsafe(end(to) - start);
          readSync(file, lines, 0, lines.length, start);
          const actions = ids.slice(from, to).map(action);
          const body = Buffer.allocUnsafe(lines.length + actions.reduce((sum, { length }) => sum + length, 0));
          let at = 0;
          for (const [index, line] of actions.entries()) {
            at += body.write(line, at, 'latin1');
            at += lines.copy(body, at, end(from + index) - start, end(from + index + 1) - start);
          }
          return body;
        },
        close: () => closeSync(file),
      };
    },
  };
}

export async function openSteps(folder: string, database: string): Promise<NamedStep[]> {
  const chosen: readonly (readonly [string, object])[] = [
    ['sampling', {}],
    ['server', {}],
    ['services', {}],
    ['geoip', { database }],
    ['asn', {}],
    ['locality', {}],
  ];
  return Promise.all(
    chosen.map(async ([name, options]) => {
      const definition = stepCatalog.find((step) => step.name === name);
      if (definition === undefined) throw new Error(`no step ${name}`);
      return {
        name,
        step: await definition.create(definition.options.parse(options), { folder, logger: silentLogger }),
      };
    }),
  );
}

/** Each /12 has one of 600 cities in 40 countries: every outer address has a place. */
export function writeCities(folder: string): Promise<string> {
  const countries = ['US', 'DE', 'FR', 'GB', 'NL', 'JP', 'BR', 'IN', 'CA', 'IT'].flatMap((code) =>
    ['', 'North ', 'South ', 'New '].map((prefix) => ({ iso_code: code, names: { en: `${prefix}${code} country` } })),
  );
  const places = Array.from({ length: cityCount }, (_, city) => ({
    city: { names: { en: `City number ${city}` } },
    country: countries[city % countries.length]!,
    // Four digits, as the databases have them.
    location: {
      latitude: toDegrees(((city * 791_923) % 1_400_000) - 600_000),
      longitude: toDegrees(((city * 10_472_917) % 3_600_000) - 1_800_000),
    },
  }));
  const prefixes = Array.from({ length: 223 * 16 }, (_, index) => {
    const prefix = `${1 + (index >> 4)}.${(index & 15) << 4}.0.0/12`;
    return [prefix, places[(index * 31) % cityCount]!] as const;
  });
  return writeDatabase(join(folder, 'cities.mmdb'), 'Bench-City', prefixes);
}

function toDegrees(tenThousandths: number): number {
  return tenThousandths / 10_000;
}
