// The bar at the head of each dashboard: the groups, and below them the dashboards of this one's group.

import type { Dashboard, Definitions } from './definitions.ts';
import { dashboardId } from './identity.ts';
import type { JsonObject } from './saved-object.ts';

export function toNavigation(dashboard: Dashboard, { groups, dashboards }: Definitions): JsonObject {
  const own = dashboard.config.group;
  const first = groups.flatMap(({ name, label }) => {
    const target = dashboards.find(({ config }) => config.group === name);
    return target === undefined ? [] : [name === own ? `**${label}**` : toLink(label, target)];
  });
  const siblings = dashboards.filter(({ config }) => config.group === own && own !== undefined);
  const second =
    siblings.length < 2
      ? []
      : siblings.map((each) =>
          each.name === dashboard.name ? `**${shortLabel(each)}**` : toLink(shortLabel(each), each),
        );
  return toMarkdown(
    [first, second]
      .filter((line) => line.length > 0)
      .map((line) => line.join(' | '))
      .join('\n\n'),
  );
}

/** Relative, so that it works in any space, below any base path, and keeps the time range: Kibana 7.10 and later know the old form, too. */
function toLink(label: string, { name }: Dashboard): string {
  return `[${label}](#/dashboard/${dashboardId(name)})`;
}

function shortLabel({ config }: Dashboard): string {
  return config.label ?? config.title;
}

export function toMarkdown(markdown: string): JsonObject {
  return { type: 'markdown', params: { fontSize: 12, openLinksInNewTab: false, markdown }, aggs: [] };
}
