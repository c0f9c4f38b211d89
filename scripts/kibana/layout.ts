// Rows of panels → places on Kibana's grid of 48 columns; a row is as high as its highest panel.

import type { PanelKind } from './definition-schema.ts';
import type { Dashboard } from './definitions.ts';
import type { SavedObject } from './saved-object.ts';

export const gridColumns = 48;
/** Of a panel that has no width of its own. */
export const minWidth = 4;

/** In rows of the grid, of 20 pixels. */
export const defaultHeights: Readonly<Record<PanelKind, number>> = {
  donut: 14,
  series: 14,
  table: 21,
  cloud: 12,
  sankey: 28,
  heatmap: 18,
  map: 14,
  list: 16,
  metric: 6,
  strip: 4,
  text: 6,
  records: 28,
};
export const headHeights = { navigation: 4, strip: 3, controls: 4 } as const;

/** What stands above all rows, as wide as the grid. */
export interface HeadObject {
  readonly object: SavedObject;
  readonly height: number;
}

export interface Placed {
  readonly object: SavedObject;
  /** Absent: the panel shows none. */
  readonly title?: string;
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

export function toLayout(
  { rows }: Dashboard,
  head: readonly HeadObject[],
  objects: readonly (readonly SavedObject[])[],
): Placed[] {
  let y = 0;
  const placed: Placed[] = head.map(({ object, height: h }) => {
    y += h;
    return { object, x: 0, y: y - h, w: gridColumns, h };
  });
  for (const [rowIndex, row] of rows.entries()) {
    const widths = toWidths(row.map(({ config }) => config.width));
    const h = Math.max(...row.map(({ config }) => config.height ?? defaultHeights[config.kind]));
    let x = 0;
    for (const [index, { title }] of row.entries()) {
      const w = widths[index]!;
      placed.push({ object: objects[rowIndex]![index]!, title, x, y, w, h });
      x += w;
    }
    y += h;
  }
  return placed;
}

/** Panels without a width share what is left. */
export function toWidths(given: readonly (number | undefined)[]): number[] {
  const taken = given.reduce<number>((sum, width) => sum + (width ?? 0), 0);
  const open = given.filter((width) => width === undefined).length;
  let left = gridColumns - taken;
  let sharing = open;
  return given.map((width) => {
    if (width !== undefined) return width;
    const share = Math.floor(left / sharing);
    left -= share;
    sharing -= 1;
    return share;
  });
}
