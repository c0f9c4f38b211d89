// What an error of Elasticsearch 7 means for the document it came for: wait, go without one field, or never. Input: HTTP status and
// error object of a bulk item, or of a whole answer. The wordings are those of 7.3.1 to 7.17.28; elasticsearch-faults.test.ts holds each.

import { asRecord } from './server-answer.ts';
import { toShortText } from './short-text.ts';

export type ItemFault =
  /** Waiting, or somebody, may mend it. `isBusy`: the server is asked for more than it can do now. */
  | { readonly kind: 'wait'; readonly reason: string; readonly isBusy: boolean }
  /** Without these fields the document may be taken: full names, dots between the levels. */
  | { readonly kind: 'fields'; readonly reason: string; readonly fields: readonly string[] }
  /** Elasticsearch will never take this document. */
  | { readonly kind: 'refused'; readonly reason: string };

interface Trouble {
  readonly pattern: RegExp;
  /** What to do about it, as one sentence. */
  readonly fix: string;
}

/** Troubles of the index, the cluster or the user, not of the document: matched against `type: reason`, the first one counts. */
const troubles: readonly Trouble[] = [
  {
    // 7.3: FORBIDDEN/12/index read-only / allow delete (api); 7.10: TOO_MANY_REQUESTS/12/index read-only / allow delete (api);
    // 7.17: TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block
    pattern: /\/12\/|flood-stage/,
    fix: 'A node has (or had) too little disk: make room; before 7.4 then lift the block: PUT INDEX/_settings {"index.blocks.read_only_allow_delete": null}.',
  },
  { pattern: /\/8\/index write/, fix: 'Lift the block: PUT INDEX/_settings {"index.blocks.write": null}.' },
  { pattern: /\/5\/index read-only/, fix: 'Lift the block: PUT INDEX/_settings {"index.blocks.read_only": null}.' },
  {
    pattern: /\/(6|13)\/cluster read-only/,
    fix: 'Lift the block: PUT _cluster/settings {"persistent": {"cluster.blocks.read_only": null, "cluster.blocks.read_only_allow_delete": null}}.',
  },
  {
    pattern: /master_not_discovered|\/2\/no master|\/1\/state not recovered/,
    fix: 'The cluster has no master: see its log, and GET _cat/master.',
  },
  { pattern: /index_closed_exception|\/4\/index closed/, fix: 'Open the index: POST INDEX/_open.' },
  {
    pattern: /no write index|more than one indices|not the write index/,
    fix: 'The name is an alias that no index is written through: mark one of its indices with POST _aliases {"actions": [{"add": {"index": "…", "alias": "…", "is_write_index": true}}]}.',
  },
  {
    pattern: /index_not_found_exception/,
    fix: 'The cluster does not make indices by itself: PUT _cluster/settings {"persistent": {"action.auto_create_index": "weir-*"}}, or make the index.',
  },
  {
    // 7.3, 7.10: would add [2] total shards, … maximum shards open; 7.17: would add [2] shards, … maximum normal shards open
    pattern: /maximum (normal |frozen )?shards open/,
    fix: 'Delete old indices, add a node, or raise cluster.max_shards_per_node.',
  },
  {
    pattern: /unavailable_shards_exception|no_shard_available/,
    fix: 'GET _cluster/allocation/explain says why the shard is on no node.',
  },
  {
    pattern: /security_exception|authorization_exception/,
    fix: "Give the user's role the privileges create_doc, create_index and auto_configure on the index.",
  },
  {
    pattern: /pipeline with id \[[^\]]*\] does not exist/,
    fix: 'Make that ingest pipeline, or take it out of the index settings.',
  },
  { pattern: /cluster_block_exception/, fix: 'Lift the block of the index or the cluster.' },
  { pattern: /process_cluster_event_timeout|circuit_breaking_exception|es_rejected_execution/, fix: '' },
];

const busy = /es_rejected_execution|circuit_breaking_exception/;

/** Each names the field in its first group, the object that it stands in in `within`. In the order of what is most exact. */
const fieldPatterns: readonly RegExp[] = [
  /immense term in field="(?<field>[^"]+)"/,
  /dynamic introduction of \[(?<field>[^\]]+)\] within \[(?<within>[^\]]+)\] is not allowed/,
  /object mapping for \[[^\]]*\] tried to parse field \[(?<field>[^\]]+)\]/,
  /Limit of mapping depth \[\d+\].* due to object field \[(?<field>[^\]]+)\]/,
  /Could not dynamically add mapping for field \[(?<field>[^\]]+)\]/,
  /failed to parse(?: date)? field \[(?<field>[^\]]+)\]/,
  /failed to parse \[(?<field>[^\]]+)\]/,
  /[Mm]apper (?:for )?\[(?<field>[^\]]+)\] (?:of different type|cannot be changed|conflicts with)/,
  /can't merge a non object mapping \[(?<field>[^\]]+)\]/,
  /object mapping \[(?<field>[^\]]+)\] can't be changed/,
];

/** "Limit of total fields [1000] has been exceeded" names no field: these objects have names that exporters choose. */
const totalFields = /Limit of total fields/;
const exporterNamed = ['labels', 'ipfix', 'netflow', 'sflow'];

export function toItemFault(status: number, error: unknown): ItemFault {
  const text = toErrorText(error);
  const known = troubles.find(({ pattern }) => pattern.test(text));
  if (known !== undefined) {
    const reason = [toReason(status, text), known.fix].filter((part) => part !== '').join('. ');
    return { kind: 'wait', reason, isBusy: status === 429 && busy.test(text) };
  }
  const reason = toReason(status, text);
  if (status < 400 || status >= 500 || status === 401 || status === 403 || status === 408 || status === 429)
    return { kind: 'wait', reason, isBusy: status === 429 };
  const fields = toFields(text);
  return fields.length === 0 ? { kind: 'refused', reason } : { kind: 'fields', reason, fields };
}

function toFields(text: string): readonly string[] {
  if (totalFields.test(text)) return exporterNamed;
  for (const pattern of fieldPatterns) {
    const { field, within } = pattern.exec(text)?.groups ?? {};
    if (field !== undefined) return [within === undefined || within === '_doc' ? field : `${within}.${field}`];
  }
  return [];
}

function toReason(status: number, text: string): string {
  return text === '' ? `status ${status}` : toShortText(text, 500);
}

/** More levels would be no answer of Elasticsearch. */
const maxCauses = 5;

/** `type: reason: reason of the cause: …`, of bounded length. */
export function toErrorText(error: unknown): string {
  const parts: string[] = [];
  let at = asRecord(error);
  for (let depth = 0; at !== undefined && depth < maxCauses; depth += 1) {
    for (const part of depth === 0 ? [at['type'], at['reason']] : [at['reason']])
      if (typeof part === 'string' && !parts.includes(part)) parts.push(part.slice(0, 2000));
    at = asRecord(at['caused_by']);
  }
  return parts.join(': ');
}
