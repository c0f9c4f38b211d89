// A maker of rollups in a process of its own, to be killed: URL, clock, parts of each kind.

import { createElasticsearchClient } from '../../src/index/elasticsearch-client.ts';
import { createRollupLease } from '../../src/index/rollup-lease.ts';
import { createRollups } from '../../src/index/rollups.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

const [url = '', clock = '', top = ''] = process.argv.slice(2);
const dayMs = 86_400_000;
const client = createElasticsearchClient({ nodes: [url] });
const now = (): number => Number(clock);
await createRollups({
  client,
  pattern: 'weir-flow-*',
  of: 'weir-flow',
  lease: createRollupLease({ client, of: 'weir-flow', holder: `process-${process.pid}`, now }),
  keepMinutesMs: 30 * dayMs,
  keepHoursMs: 730 * dayMs,
  top: Number(top),
  delayMs: 120_000,
  pauseFactor: 0,
  logger: silentLogger,
  now,
}).tend(Number.POSITIVE_INFINITY, AbortSignal.timeout(60_000));
await client.close();
