// What a saved decoder state knows of each exporter, for people: templates with the names of their fields, and what options records taught.

import { type DecoderLimits, toStoreLimits } from './decoder.ts';
import { restoreTemplates } from './decoder-state.ts';
import type { InformationElements } from './information-elements.ts';
import type { DomainFacts } from './options-store.ts';
import { createSharedPlans } from './shared-plans.ts';
import { countSamplingIntervals } from './template-counts.ts';
import { netflow9Scopes, toElement } from './template-plan.ts';
import {
  type TemplateContent,
  type TemplateKind,
  type TemplateProtocol,
  toFieldSpecifiers,
} from './template-record.ts';
import { createTemplateStore } from './template-store.ts';

export interface ListedField {
  /** 0: IANA, or NetFlow v9. */
  readonly enterprise: number;
  readonly id: number;
  /** null: padding. */
  readonly name: string | null;
  /** Bytes; 65535: variable. */
  readonly length: number;
  readonly isScope: boolean;
}

export interface ListedTemplate {
  readonly id: number;
  readonly kind: TemplateKind;
  readonly fields: readonly ListedField[];
}

export interface ListedDomain {
  readonly exporter: string;
  readonly protocol: TemplateProtocol;
  readonly domain: number;
  readonly templates: readonly ListedTemplate[];
  /** Number of entries that options records taught. */
  readonly taught: {
    readonly samplingIntervals: number;
    readonly interfaceNames: number;
    readonly interfaceDescriptions: number;
    readonly applicationNames: number;
    readonly vrfNames: number;
  };
}

/** Sorted by exporter, protocol, domain, template. Throws WeirError `file-invalid` on anything but a saved state. */
export function listTemplates(
  state: unknown,
  elements: InformationElements,
  limits: DecoderLimits,
): readonly ListedDomain[] {
  const store = createTemplateStore({
    plans: createSharedPlans({ elements, maxPlans: limits.plans, maxPlanBytes: limits.planBytes }),
    ...toStoreLimits(limits),
    onFault: () => {},
  });
  restoreTemplates(store, state, { maxFields: limits.fieldsPerTemplate, maxFactsPerExporter: limits.factsPerExporter });
  const listed: ListedDomain[] = [];
  for (const { address, domains } of store.exporters()) {
    for (const { protocol, id, templates, facts } of domains.values()) {
      const sorted = [...templates.values()].sort((a, b) => a.id - b.id);
      listed.push({
        exporter: address,
        protocol,
        domain: id,
        templates: sorted.map(({ id, shared: { content } }) => ({
          id,
          kind: content.kind,
          fields: listFields(content, elements),
        })),
        taught: countTaught(facts),
      });
    }
  }
  return listed.sort(
    (a, b) =>
      a.exporter.localeCompare(b.exporter, 'en', { numeric: true }) ||
      a.protocol.localeCompare(b.protocol, 'en') ||
      a.domain - b.domain,
  );
}

function listFields(content: TemplateContent, elements: InformationElements): ListedField[] {
  return (toFieldSpecifiers(content) ?? []).map((specifier, index) => {
    const { enterprise, id, length } = specifier;
    const isScope = index < content.scopeCount;
    const name =
      isScope && content.protocol === 'netflow9'
        ? `scope:${netflow9Scopes[id] ?? id}`
        : (toElement(content, specifier, index, elements)?.name ?? null);
    return { enterprise, id, name, length, isScope };
  });
}

function countTaught(facts: DomainFacts | undefined): ListedDomain['taught'] {
  const names = facts?.names;
  return {
    samplingIntervals: countSamplingIntervals(facts),
    interfaceNames: names?.interfaceNames.size ?? 0,
    interfaceDescriptions: names?.interfaceDescriptions.size ?? 0,
    applicationNames: names?.applicationNames.size ?? 0,
    vrfNames: names?.vrfNames.size ?? 0,
  };
}
