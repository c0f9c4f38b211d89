// Ids of saved objects: made from names, so that a later version replaces what an earlier one brought.

const prefix = 'weir';

export function dashboardId(name: string): string {
  return `${prefix}-${name}`;
}

/** Of what stands at the head of every dashboard. */
export const headId = `${prefix}-head`;

export function panelId(dashboard: string, title: string): string {
  return `${prefix}-${dashboard}-${slug(title)}`;
}

function slug(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}
