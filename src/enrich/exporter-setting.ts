// A setting that differs from exporter to exporter: subnet → value, of which the longest prefix counts.

import { createPrefixTable } from './prefix-table.ts';
import { createRecentMap } from './recent-map.ts';

/** Exporters whose value is remembered: as many as the ledger counts; spoofed ones push others out, no more. */
const maxRemembered = 10_000;

/** `otherwise`: of exporters that are in no subnet. */
export function createExporterSetting<Value extends object | string | number>(
  entries: readonly (readonly [subnet: string, Value])[],
  otherwise: Value,
): (exporter: string) => Value {
  if (entries.length === 0) return () => otherwise;
  const table = createPrefixTable(entries);
  const remembered = createRecentMap<string, Value>(maxRemembered);
  return (exporter) => remembered.get(exporter) ?? remembered.add(exporter, table.lookup(exporter) ?? otherwise);
}
