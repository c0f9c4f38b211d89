// Everything that weir finds wrong around itself, in the words for those who mend it: what, why it matters, and what mends it.
// docs/doctor.md is made from these tables (scripts/generate-doctor-docs.ts). {Names} in braces are filled in.

import type { Finding, Severity } from '../../model/finding.ts';
import { exporterFindings } from './exporter-catalog.ts';
import { localFindings } from './local-catalog.ts';
import { serverFindings } from './server-catalog.ts';

export interface CatalogEntry {
  readonly severity: Severity;
  /** One sentence without its dot. */
  readonly title: string;
  readonly why: string;
  /** Commands, lines of a configuration, or comments. */
  readonly fix: readonly string[];
}

export type FindingId = keyof typeof exporterFindings | keyof typeof localFindings | keyof typeof serverFindings;

export const findingCatalog: Readonly<Record<FindingId, CatalogEntry>> = {
  ...exporterFindings,
  ...localFindings,
  ...serverFindings,
};

export type FindingValues = Readonly<Record<string, string | number>>;

export interface FindingContext {
  readonly exporter?: string;
  /** In place of the catalogue's. */
  readonly fix?: readonly string[];
}

export function toFinding(id: FindingId, values: FindingValues = {}, { exporter, fix }: FindingContext = {}): Finding {
  const { severity, title, why, fix: usual } = findingCatalog[id];
  const all = exporter === undefined ? values : { exporter, ...values };
  return {
    id,
    severity,
    ...(exporter !== undefined && { exporter }),
    title: fill(title, all),
    why: fill(why, all),
    fix: (fix ?? usual).map((line) => fill(line, all)),
  };
}

function fill(text: string, values: FindingValues): string {
  return text.replaceAll(/\{(\w+)\}/g, (whole, name: string) => (name in values ? toShown(values[name]) : whole));
}

/** Exporters and servers chose some of these words: they go to terminals and pages. */
function toShown(value: string | number | undefined): string {
  return String(value)
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]+/gu, ' ')
    .slice(0, 500);
}
