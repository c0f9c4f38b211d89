// What the store of templates, and the sets that wait for one, tell about exporters; and whose devices they are.

import type { ExporterSign } from '../model/exporter-sign.ts';
import type { ParkedSets } from './parked-sets.ts';
import { toFieldSpecifiers } from './template-record.ts';
import type { TemplateStore } from './template-store.ts';

/** Many devices send templates each ten minutes unless told otherwise; beyond it, a first start costs a quarter of an hour of flows. */
const rareMs = 15 * 60_000;
/** A template that is not used any more need not be repeated. */
const usedWithinMs = 10 * 60_000;
/** So long a set may wait before it is told. */
const waitingMs = 2 * 60_000;

export function toTemplateSigns(templates: TemplateStore, parked: ParkedSets, nowMs: number): ExporterSign[] {
  const signs: ExporterSign[] = [];
  for (const { exporter, sets, oldestAtMs } of parked.waiting()) {
    const minutes = Math.floor((nowMs - oldestAtMs) / 60_000);
    if (nowMs - oldestAtMs >= waitingMs)
      signs.push({ kind: 'templates-missing', exporter, values: { sets, minutes }, enterprises: [] });
  }
  for (const exporter of templates.exporters()) {
    let longestMs = 0;
    for (const { usedAtMs, definedAtMs, repeatedAfterMs } of exporter.templates.items()) {
      if (usedAtMs === undefined || templates.elapsedMs - usedAtMs > usedWithinMs) continue;
      longestMs = Math.max(longestMs, repeatedAfterMs, templates.elapsedMs - definedAtMs);
    }
    if (longestMs > rareMs) {
      const values = { minutes: Math.floor(longestMs / 60_000) };
      signs.push({ kind: 'templates-rare', exporter: exporter.address, values, enterprises: [] });
    }
  }
  return signs;
}

/** RFC 5103: not a vendor, but the reverse direction of a flow. */
const reversePen = 29_305;
const maxEnterprises = 8;

export function enterprisesOf(templates: TemplateStore, address: string): readonly number[] {
  const found = new Set<number>();
  for (const { shared } of templates.find(address)?.templates.items() ?? []) {
    for (const { enterprise } of toFieldSpecifiers(shared.content) ?? []) {
      if (enterprise !== 0 && enterprise !== reversePen && found.size < maxEnterprises) found.add(enterprise);
    }
  }
  return [...found];
}
