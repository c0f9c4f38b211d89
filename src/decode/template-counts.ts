// How much each exporter has taught: for the status page.

import type { DomainFacts } from './options-store.ts';
import type { TemplateStore } from './template-store.ts';

export interface TemplateCounts {
  readonly data: number;
  readonly options: number;
  /** Names of interfaces, applications and VRFs. */
  readonly names: number;
  readonly samplingIntervals: number;
}

/** By address; the first `maxExporters`, those who were useful last first. */
export function countTemplates(store: TemplateStore, maxExporters: number): ReadonlyMap<string, TemplateCounts> {
  const counts = new Map<string, TemplateCounts>();
  for (const { address, domains } of [...store.exporters()].slice(-maxExporters)) {
    const sum = { data: 0, options: 0, names: 0, samplingIntervals: 0 };
    for (const { templates, facts } of domains.values()) {
      for (const { shared } of templates.values()) sum[shared.content.kind === 'options' ? 'options' : 'data'] += 1;
      sum.samplingIntervals += countSamplingIntervals(facts);
      for (const table of Object.values(facts?.names ?? {})) sum.names += table.size;
    }
    counts.set(address, sum);
  }
  return counts;
}

export function countSamplingIntervals(facts: DomainFacts | undefined): number {
  return (
    (facts?.selectors.size ?? 0) +
    (facts?.interfaces.size ?? 0) +
    (facts?.templates.size ?? 0) +
    (facts?.domainWide === undefined ? 0 : 1)
  );
}
