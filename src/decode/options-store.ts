// What options records teach about the flows of the same exporter and observation domain: sampling intervals (RFC 3954 §8 types
// 34, 48-50; RFC 5477 §8: selectors 302, 305/306, 309/310, 311), and the moment that IPFIX uptimes count from (element 160).

import type { FieldValue, Row } from '../model/record.ts';
import type { JoinKeys, SamplingLookup } from './row-reader.ts';

/** Facts about one observation domain. */
export interface DomainFacts {
  /** By samplerId or selectorId. */
  readonly selectors: Map<number, number>;
  /** By ingressInterface, where the scope of the options record was an interface. */
  readonly interfaces: Map<number, number>;
  /** Of options records that name no sampler and no interface. */
  domainWide: number | undefined;
  systemInitMs: number | undefined;
  readonly lookup: SamplingLookup;
}

/** Column numbers of an options layout; undefined where it has no such column. */
export interface OptionsColumns {
  readonly selector: number | undefined;
  readonly interface: number | undefined;
  readonly samplingInterval: number | undefined;
  readonly samplerRandomInterval: number | undefined;
  readonly samplingPacketInterval: number | undefined;
  readonly samplingPacketSpace: number | undefined;
  readonly samplingSize: number | undefined;
  readonly samplingPopulation: number | undefined;
  readonly samplingProbability: number | undefined;
  readonly systemInitTime: number | undefined;
}

export function createDomainFacts(): DomainFacts {
  const selectors = new Map<number, number>();
  const interfaces = new Map<number, number>();
  const facts: DomainFacts = {
    selectors,
    interfaces,
    domainWide: undefined,
    systemInitMs: undefined,
    lookup(selector, ingressInterface) {
      // A flow that names its sampler has that one's interval, or none that is known: nothing is guessed.
      if (selector !== null && selectors.size > 0) return selectors.get(selector as number) ?? null;
      return interfaces.get(ingressInterface as number) ?? facts.domainWide ?? null;
    },
  };
  return facts;
}

/** Can flows with these columns learn their sampling interval from these facts? */
export function knowsSampling(facts: DomainFacts, keys: JoinKeys): boolean {
  return (
    facts.domainWide !== undefined ||
    (keys.selector !== undefined && facts.selectors.size > 0) ||
    (keys.ingressInterface !== undefined && facts.interfaces.size > 0)
  );
}

/** undefined: records with these columns teach nothing. */
export function toOptionsColumns(
  columnOf: ReadonlyMap<string, number>,
  scopeColumns: readonly string[],
): OptionsColumns | undefined {
  const scope = (name: string) => (scopeColumns.includes(name) ? columnOf.get(name) : undefined);
  const columns: OptionsColumns = {
    selector: columnOf.get('samplerId') ?? columnOf.get('selectorId'),
    interface: scope('scope:interface') ?? scope('ingressInterface'),
    samplingInterval: columnOf.get('samplingInterval'),
    samplerRandomInterval: columnOf.get('samplerRandomInterval'),
    samplingPacketInterval: columnOf.get('samplingPacketInterval'),
    samplingPacketSpace: columnOf.get('samplingPacketSpace'),
    samplingSize: columnOf.get('samplingSize'),
    samplingPopulation: columnOf.get('samplingPopulation'),
    samplingProbability: columnOf.get('samplingProbability'),
    systemInitTime: columnOf.get('systemInitTimeMilliseconds'),
  };
  const { selector: _selector, interface: _interface, ...taught } = columns;
  return Object.values(taught).some((column) => column !== undefined) ? columns : undefined;
}

/** Takes over what one options record says. `mayGrow` false: what would need a new entry is not kept. */
export function learn(
  facts: DomainFacts,
  columns: OptionsColumns,
  row: Row,
  mayGrow: boolean,
): 'grown' | 'changed' | 'same' {
  let outcome: 'changed' | 'same' = 'same';
  const systemInitMs = toNumber(row, columns.systemInitTime);
  if (systemInitMs !== undefined && systemInitMs !== facts.systemInitMs) {
    facts.systemInitMs = systemInitMs;
    outcome = 'changed';
  }
  const interval = toSamplingInterval(columns, row);
  if (interval === undefined) return outcome;
  const selector = toNumber(row, columns.selector);
  const ofInterface = toNumber(row, columns.interface);
  if (selector === undefined && ofInterface === undefined) {
    if (facts.domainWide === interval) return outcome;
    facts.domainWide = interval;
    return 'changed';
  }
  const table = selector !== undefined ? facts.selectors : facts.interfaces;
  const key = (selector ?? ofInterface)!;
  const known = table.get(key);
  if (known === interval || (known === undefined && !mayGrow)) return outcome;
  table.set(key, interval);
  return known === undefined ? 'grown' : 'changed';
}

/** 1 out of how many packets, or undefined: the record doesn't say. */
function toSamplingInterval(columns: OptionsColumns, row: Row): number | undefined {
  const interval = toNumber(row, columns.samplingInterval);
  if (interval !== undefined && interval > 0) return interval;
  const random = toNumber(row, columns.samplerRandomInterval);
  if (random !== undefined && random > 0) return random;
  const population = toNumber(row, columns.samplingPopulation);
  const size = toNumber(row, columns.samplingSize);
  if (population !== undefined && size !== undefined && size > 0 && population >= size) return population / size;
  // RFC 5477 §8.2: `packets` in a row are taken, then `space` packets are not.
  const packets = toNumber(row, columns.samplingPacketInterval);
  const space = toNumber(row, columns.samplingPacketSpace);
  if (packets !== undefined && space !== undefined && packets > 0) return (packets + space) / packets;
  const probability = toNumber(row, columns.samplingProbability);
  if (probability !== undefined && probability > 0 && probability <= 1) return 1 / probability;
  return undefined;
}

/** Of a repeated element the first value counts. */
function toNumber(row: Row, column: number | undefined): number | undefined {
  if (column === undefined) return undefined;
  const value = row[column] as FieldValue;
  const first: FieldValue = Array.isArray(value) ? (value as readonly FieldValue[])[0]! : value;
  return typeof first === 'number' ? first : undefined;
}
