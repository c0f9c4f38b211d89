// Rows of cells as lines of text, columns one below the other.

/** The last column is as wide as it likes. */
export function toTableLines(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const all = [head, ...rows];
  const widths = head.map((_, i) => all.reduce((most, row) => Math.max(most, row[i]?.length ?? 0), 0));
  return all.map((row) => row.map((cell, i) => (i === head.length - 1 ? cell : cell.padEnd(widths[i]!))).join('  '));
}
