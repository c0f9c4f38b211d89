// How long the searches of ElastiFlow's dashboards take on each index, merged to one segment; without the request cache.

import { dashboardQueries } from '../../test/index/dashboard-queries.ts';
import type { BenchServer } from './bench-server.ts';

const repeats = 7;

export async function printLatencies(server: BenchServer, [first, second]: readonly string[]): Promise<void> {
  if (first === undefined || second === undefined) return;
  // Threats and agents are in no generated flow: those searches find nothing in either.
  const queries = dashboardQueries.filter(({ on, isScripted }) => on === undefined && isScripted !== true);
  const rows: { readonly name: string; readonly before: number; readonly after: number }[] = [];
  for (const { name, body } of queries) {
    const times = { [first]: [] as number[], [second]: [] as number[] };
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      for (const index of [first, second]) times[index]!.push(await took(server, index, body));
    }
    rows.push({ name, before: medianOf(times[first]!), after: medianOf(times[second]!) });
  }
  const slower = rows.filter(({ before, after }) => after > before * 1.1 + 1);
  const sum = (key: 'before' | 'after'): number => Math.round(rows.reduce((total, row) => total + row[key], 0));
  console.log(
    `${rows.length} dashboard searches, ms (median of ${repeats}); together ${sum('before')} and ${sum('after')}:\n`,
  );
  console.log(`| search | ${first} | ${second} |`);
  console.log('|---|---|---|');
  for (const { name, before, after } of rows) console.log(`| ${name} | ${before.toFixed(1)} | ${after.toFixed(1)} |`);
  console.log(
    `\nslower by more than a tenth and a millisecond: ${slower.map(({ name }) => name).join('; ') || 'none'}\n`,
  );
}

async function took(server: BenchServer, index: string, body: object): Promise<number> {
  const startedAt = performance.now();
  await server.ask('POST', `/${index}/_search?request_cache=false`, body);
  return performance.now() - startedAt;
}

/** The first try fills caches and global ordinals; on a machine with other work the median says what a user sees. */
function medianOf(times: readonly number[]): number {
  const sorted = times.slice(1).sort((a, b) => a - b);
  return sorted[(sorted.length - 1) >> 1] ?? 0;
}
