// How many facts of options data each exporter may have, and all together. Strangers, who never sent data for a template of theirs, make
// room for those who do: anybody can send options data under many addresses.

import type { Fault } from '../model/fault.ts';
import type { Row } from '../model/record.ts';
import type { Element } from './information-elements.ts';
import type { OptionsColumns } from './options-columns.ts';
import { createDomainFacts, type DomainFacts, learn } from './options-store.ts';
import type { Domain, Exporter } from './template-store.ts';
import { type TypeColumns, toTaughtElement } from './type-information.ts';

export interface FactLimits {
  readonly maxFacts: number;
  readonly maxFactsPerExporter: number;
  readonly onFault: (fault: Fault) => void;
}

export interface FactAccounts {
  /** Changes whenever there is something else to save. */
  readonly version: number;
  /** Of all exporters. */
  readonly count: number;
  learn(domain: Domain, columns: OptionsColumns, rows: readonly Row[]): void;
  /** For facts and elements from elsewhere; the caller keeps to the limits. */
  adoptFacts(domain: Domain, facts: DomainFacts): void;
  /** Adds to the domain's facts what `read` puts there, which keeps to `limit` entries. */
  mergeFacts(domain: Domain, read: (facts: DomainFacts, limit: number) => void): void;
  adoptTaught(exporter: Exporter, taught: ReadonlyMap<string, Element>): void;
  /** Of a domain that comes to its end. */
  drop(domain: Domain): void;
  dropAll(exporter: Exporter): void;
  /** Its facts are no stranger's any more. */
  keep(exporter: Exporter): void;
}

export function createFactAccounts({ maxFacts, maxFactsPerExporter, onFault }: FactLimits): FactAccounts {
  const strangersWithFacts = new Set<Exporter>();
  let factCount = 0;
  let version = 0;

  function count(exporter: Exporter, more: number): void {
    exporter.factCount += more;
    factCount += more;
    if (exporter.factCount > 0 && !exporter.isUseful) strangersWithFacts.add(exporter);
    else strangersWithFacts.delete(exporter);
  }

  function toRoom(exporter: Exporter): number {
    if (factCount >= maxFacts && exporter.isUseful) {
      const [stranger] = strangersWithFacts;
      if (stranger !== undefined) {
        dropAll(stranger);
        onFault({ code: 'exporter-limit', exporter: stranger.address, detail: `more than ${maxFacts} facts` });
      }
    }
    return Math.max(0, Math.min(maxFacts - factCount, maxFactsPerExporter - exporter.factCount));
  }

  function learnRows(domain: Domain, columns: OptionsColumns, rows: readonly Row[]): void {
    domain.facts ??= createDomainFacts();
    const { facts, exporter } = domain;
    const { revision } = facts;
    for (const row of rows) {
      if (columns.types !== undefined) teach(exporter, columns.types, row);
      const { entryCount } = facts;
      learn(facts, columns, row, toRoom(exporter));
      count(exporter, facts.entryCount - entryCount);
    }
    if (facts.revision !== revision) version++;
  }

  /** Serves templates that come from now on. */
  function teach(exporter: Exporter, columns: TypeColumns, row: Row): void {
    const [key, element] = toTaughtElement(row, columns) ?? [];
    if (key === undefined || element === undefined) return;
    const known = exporter.taught.get(key);
    if (known?.name === element.name && known.encoding === element.encoding) return;
    if (known === undefined) {
      if (toRoom(exporter) === 0) return;
      count(exporter, 1);
    }
    exporter.taught.set(key, element);
    version++;
  }

  function adoptFacts(domain: Domain, facts: DomainFacts): void {
    domain.facts = facts;
    count(domain.exporter, facts.entryCount);
    version++;
  }

  function mergeFacts(domain: Domain, read: (facts: DomainFacts, limit: number) => void): void {
    domain.facts ??= createDomainFacts();
    const { facts, exporter } = domain;
    const { entryCount, revision } = facts;
    read(facts, entryCount + toRoom(exporter));
    count(exporter, facts.entryCount - entryCount);
    if (facts.revision !== revision) version++;
  }

  function adoptTaught(exporter: Exporter, taught: ReadonlyMap<string, Element>): void {
    const before = exporter.taught.size;
    for (const [key, element] of taught) exporter.taught.set(key, element);
    count(exporter, exporter.taught.size - before);
    version++;
  }

  function drop(domain: Domain): void {
    count(domain.exporter, -(domain.facts?.entryCount ?? 0));
    domain.facts = undefined;
  }

  function dropAll(exporter: Exporter): void {
    for (const domain of exporter.domains.values()) drop(domain);
    count(exporter, -exporter.taught.size);
    exporter.taught.clear();
    version++;
  }

  return {
    get version() {
      return version;
    },
    get count() {
      return factCount;
    },
    learn: learnRows,
    adoptFacts,
    mergeFacts,
    adoptTaught,
    drop,
    dropAll,
    keep: (exporter) => strangersWithFacts.delete(exporter),
  };
}
