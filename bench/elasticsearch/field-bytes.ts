// Bytes of each field per document, where the server can tell (_disk_usage: 7.15 and later).

import type { BenchServer } from './bench-server.ts';

interface Usage {
  readonly total_in_bytes: number;
  readonly inverted_index: { readonly total_in_bytes: number };
  readonly doc_values_in_bytes: number;
  readonly points_in_bytes: number;
  readonly stored_fields_in_bytes: number;
}

type UsageAnswer = Readonly<
  Record<string, { readonly all_fields: Usage; readonly fields: Readonly<Record<string, Usage>> }>
>;

const shown = 30;

export async function printFieldBytes(server: BenchServer, indices: readonly string[]): Promise<void> {
  for (const index of indices) {
    let answer: UsageAnswer;
    try {
      answer = await server.ask<UsageAnswer>('POST', `/${index}/_disk_usage?run_expensive_tasks=true`);
    } catch {
      console.log('this server has no _disk_usage: --version 7.17.28 has');
      return;
    }
    const { count } = await server.ask<{ readonly count: number }>('GET', `/${index}/_count`);
    const { all_fields: all, fields } = answer[index]!;
    const per = (bytes: number): string => (bytes / count).toFixed(1);
    const row = (name: string, usage: Usage): string =>
      `| ${name} | ${per(usage.total_in_bytes)} | ${per(usage.inverted_index.total_in_bytes)} | ${per(usage.doc_values_in_bytes)} | ` +
      `${per(usage.points_in_bytes)} | ${per(usage.stored_fields_in_bytes)} |`;
    console.log(`Bytes per document of ${index}:\n`);
    console.log('| field | all | terms | doc values | points | stored |');
    console.log('|---|---|---|---|---|---|');
    console.log(row('all fields', all));
    const largest = Object.entries(fields).sort(([, a], [, b]) => b.total_in_bytes - a.total_in_bytes);
    for (const [name, usage] of largest.slice(0, shown)) console.log(row(name, usage));
    console.log('');
  }
}
