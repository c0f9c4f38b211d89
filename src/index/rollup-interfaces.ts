// Exporters and their interfaces in one pass: nested terms, where all of them fit. Pages (rollup-reading.ts) cost Elasticsearch several times
// as much for each flow, and are for more exporters or interfaces than that.

import { bucketsOf, type Json, type Sums, sumAggs, toNumber, toSums } from './rollup-answer.ts';
import { type RollupKind, rollupKinds } from './rollup-kinds.ts';
import { asRecord } from './server-answer.ts';

export interface InterfacePart {
  /** Values of a kind's fields; null: the flows have none. */
  readonly key: readonly (string | null)[];
  readonly sums: Sums;
}

/** Exporters, and interfaces of each in either direction: 50 × 101 buckets, and those of the other kinds are fewer than 10,000. */
const size = 50;
const exporters = 'exporters';
const pairs = rollupKinds.filter(({ fields }) => fields.length === 2);
const exporterField = pairs[0]!.fields[0];

export function toInterfaceAggs(): Json {
  const inner: Record<string, Json> = { ...sumAggs };
  for (const { name, fields } of pairs) Object.assign(inner, toTerms(name, fields[1]!, sumAggs));
  return toTerms(exporters, exporterField, inner);
}

function toTerms(name: string, field: string, aggs: Json): Record<string, Json> {
  return {
    [name]: { terms: { field, size, shard_size: size }, aggs },
    [`${name}_none`]: { missing: { field }, aggs },
  };
}

/** The parts of a kind; undefined: there are more of them. */
export function readInterfaces(aggregations: Json, { name, fields }: RollupKind): readonly InterfacePart[] | undefined {
  const found = readParts(aggregations, exporters);
  if (found === undefined || fields.length === 1) return found?.map(({ value, bucket }) => toPart([value], bucket));
  const parts: InterfacePart[] = [];
  for (const { value, bucket } of found) {
    const inner = readParts(bucket, name);
    if (inner === undefined) return undefined;
    parts.push(...inner.map((each) => toPart([value, each.value], each.bucket)));
  }
  return parts;
}

function readParts(
  aggregations: Json,
  name: string,
): readonly { readonly value: string | null; readonly bucket: Json }[] | undefined {
  const terms = asRecord(aggregations[name]) ?? {};
  if (toNumber(terms['sum_other_doc_count']) > 0) return undefined;
  const none = asRecord(aggregations[`${name}_none`]) ?? {};
  return [
    ...bucketsOf(terms).map((bucket) => ({ value: String(bucket['key']), bucket })),
    ...(toNumber(none['doc_count']) > 0 ? [{ value: null, bucket: none }] : []),
  ];
}

function toPart(key: InterfacePart['key'], bucket: Json): InterfacePart {
  return { key, sums: toSums(bucket) };
}
