// Counters multiplied by an interval, exactly.

import type { Count } from './flow-document.ts';

export function scaled(count: Count | undefined, factor: number): Count | undefined {
  if (typeof count === 'number') {
    const product = Math.round(count * factor);
    if (product <= Number.MAX_SAFE_INTEGER) return product;
  }
  return count === undefined ? undefined : scaledExactly(count, factor);
}

/** Elasticsearch's `long` ends here. */
const maxLong = 2n ** 63n - 1n;

/** Beyond 2^53 - 1; a product that no document field holds is no count any more: the field goes, the document stays. */
function scaledExactly(count: Count, factor: number): Count | undefined {
  const isWhole = typeof count === 'number' ? Number.isInteger(count) : /^\d{1,20}$/.test(count);
  if (!isWhole || !Number.isFinite(factor)) return undefined;
  const product = BigInt(count) * BigInt(Math.round(factor));
  return product > maxLong ? undefined : product.toString();
}
