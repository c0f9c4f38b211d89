// Writes batches into the folder named by the first argument until it is killed; prints the number of each batch that `write` answered for.

import { createNdjsonFile } from '../../src/index/ndjson-file.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';
import { flowBatch } from './document-batches.ts';

const sink = createNdjsonFile({
  directory: process.argv[2] ?? '',
  maxFileBytes: 4_000_000,
  logger: silentLogger,
  now: Date.now,
});
await sink.start();
for (let number = 0; ; number += 1) {
  await sink.write(flowBatch(`b${number}`, 500), new AbortController().signal);
  process.stdout.write(`${number}\n`);
}
