// How many names beside `flow` an index learns from exporters. The names are theirs to choose, and each is a field of the index for
// as long as it lives; what comes when the budget is spent is kept in the document, below `unindexed` (docs/decisions/0034).

import type { ObjectName } from './field-map.ts';

export interface FieldBudget {
  /** False: the name is beyond the budget, and stays so. */
  admit(object: ObjectName, name: string): boolean;
}

/**
 * A network of many vendors sends about 150 names. Eight processes with other names each, all of them also as `<name>_hex`, still fit
 * into the index (`mapping.total_fields.limit` in index-templates/weir-flow.json).
 */
const defaultMaxNames = 256;

export function createFieldBudget(maxNames = defaultMaxNames): FieldBudget {
  const admitted = new Set<string>();
  return {
    admit(object, name) {
      const path = `${object}.${name}`;
      if (admitted.has(path)) return true;
      if (admitted.size >= maxNames) return false;
      admitted.add(path);
      return true;
    },
  };
}
