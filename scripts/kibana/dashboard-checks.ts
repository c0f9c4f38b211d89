// What the parts of dashboards, each right by itself, get wrong together: ids that Kibana would take for one object, titles that readers
// can't tell apart, lists of two index patterns, rows that are too wide.

import type { Path } from '../../src/enrich/pipeline-yaml.ts';
import type { Dashboard } from './definitions.ts';
import { headId, panelId } from './identity.ts';
import { gridColumns, minWidth } from './layout.ts';

export type Report = (dashboard: string, path: Path, message: string) => void;

export function checkDashboards(dashboards: readonly Dashboard[], report: Report): void {
  const ids = new Map<string, string>([[headId, 'what stands at the head of every dashboard']]);
  const titles = new Map<string, string>();
  for (const { name, config } of dashboards) {
    const other = titles.get(config.title);
    if (other !== undefined) report(name, ['title'], `${other}.yml has this title, too`);
    titles.set(config.title, name);
    for (const part of ['navigation', 'controls']) ids.set(panelId(name, part), `the ${part} of ${name}.yml`);
  }
  for (const dashboard of dashboards) {
    checkControls(dashboard, report);
    for (const [row, panels] of dashboard.rows.entries()) {
      const width = panels.reduce((sum, { config }) => sum + (config.width ?? minWidth), 0);
      if (width > gridColumns)
        report(dashboard.name, ['rows', row], `its panels are ${width} columns wide, of ${gridColumns} at most`);
      for (const [index, { title }] of panels.entries()) {
        const id = panelId(dashboard.name, title);
        const own = `${JSON.stringify(title)} of ${dashboard.name}.yml`;
        const other = ids.get(id);
        if (other === own)
          report(
            dashboard.name,
            ['rows', row, index],
            `two panels are called ${JSON.stringify(title)}: give one a title`,
          );
        else if (other !== undefined)
          report(
            dashboard.name,
            ['rows', row, index],
            `its title ${JSON.stringify(title)} makes the id ${id}, which is that of ${other}: give it another`,
          );
        ids.set(id, own);
      }
    }
  }
}

function checkControls({ name, controls }: Dashboard, report: Report): void {
  const [first] = controls;
  for (const [index, { source }] of controls.entries())
    if (source !== first!.source)
      report(name, ['controls', index], `it is of ${source}, the first one of ${first!.source}: all are of one source`);
}
