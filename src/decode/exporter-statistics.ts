// Counters that exporters send of themselves as options data (elements 40-42, 163-168: exported, observed, ignored, not sent): their last values.

import type { TemplateProtocol } from './template-record.ts';
import type { TemplateStore } from './template-store.ts';

export interface ExporterStatistic {
  readonly exporter: string;
  readonly protocol: TemplateProtocol;
  readonly domain: number;
  /** meteringProcessId or exportingProcessId; 0 where the record has none. */
  readonly process: number;
  /** IANA element name, such as `notSentPacketTotalCount`. */
  readonly name: string;
  /** Decimal text beyond 2^53 - 1. */
  readonly value: number | string;
}

export function toExporterStatistics(store: TemplateStore): ExporterStatistic[] {
  const statistics: ExporterStatistic[] = [];
  for (const { address, domains } of store.exporters()) {
    for (const { protocol, id, facts } of domains.values()) {
      for (const { process, name, value } of facts?.statistics.values() ?? []) {
        statistics.push({ exporter: address, protocol, domain: id, process, name, value });
      }
    }
  }
  return statistics;
}
