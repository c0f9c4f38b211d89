// One dashboard definition → its saved objects: the dashboard, its navigation and controls, and one object for each panel.

import { toCloud, toDonut, toHeatmap, toMetric, toTable } from './agg-visualizations.ts';
import { toControls } from './controls.ts';
import type { Dashboard, Definitions, Panel } from './definitions.ts';
import { toLucene, toScripts } from './filters.ts';
import { dashboardId, headId, panelId } from './identity.ts';
import { type HeadObject, headHeights, type Placed, toLayout } from './layout.ts';
import { toList } from './list.ts';
import { toMarkdown, toNavigation } from './navigation.ts';
import { toSankey } from './sankey.ts';
import { type JsonObject, type SavedObject, toSearchSource } from './saved-object.ts';
import { toStrip } from './strip.ts';
import { toTimeSeries } from './time-series.ts';
import { toVisualization } from './visualization.ts';
import { toWorldMap } from './world-map.ts';

export function toDashboardObjects(dashboard: Dashboard, definitions: Definitions): SavedObject[] {
  const { name, config, controls } = dashboard;
  const head: HeadObject[] = [
    {
      height: headHeights.navigation,
      object: toVisualization({
        id: panelId(name, 'navigation'),
        title: `${config.title}: navigation`,
        visState: toNavigation(dashboard, definitions),
      }),
    },
    { height: headHeights.strip, object: toHeadObject(definitions) },
    ...(controls.length === 0
      ? []
      : [
          {
            height: headHeights.controls,
            object: toControls(dashboard, panelId(name, 'controls'), definitions.sources.get(controls[0]!.source)!),
          },
        ]),
  ];
  const panels = dashboard.rows.map((row) => row.map((panel) => toPanelObject(panel, name, config.title)));
  const placed = toLayout(dashboard, head, panels);
  const own = head.map(({ object }) => object).filter(({ id }) => id !== headId);
  return [...own, ...panels.flat(), toDashboardObject(dashboard, placed)];
}

/** One object, which all dashboards show. */
export function toHeadObject({ head }: Definitions): SavedObject {
  return toVisualization({ id: headId, title: head.title, visState: toStrip(head) });
}

export function toPanelObject(panel: Panel, dashboard: string, dashboardTitle: string): SavedObject {
  const { config, source, filters } = panel;
  const id = panelId(dashboard, panel.title);
  const title = `${dashboardTitle}: ${panel.title}`;
  const configs = filters.map((filter) => filter.config);
  if (config.kind === 'series') return toVisualization({ id, title, visState: toTimeSeries(panel, id) });
  if (config.kind === 'text') return toVisualization({ id, title, visState: toMarkdown(config.text) });
  if (config.kind === 'sankey') return toVisualization({ id, title, visState: toSankey(panel) });
  if (config.kind === 'list') return toVisualization({ id, title, visState: toList(panel) });
  if (config.kind === 'strip') return toVisualization({ id, title, visState: toStrip(panel) });
  if (config.kind === 'map') return toVisualization({ id, title, visState: toWorldMap(panel) });
  const { searchSourceJSON, references } = toSearchSource(source.id, toLucene(configs), toScripts(configs));
  if (config.kind === 'records') {
    return {
      type: 'search',
      id,
      attributes: {
        columns: [...config.columns],
        description: '',
        hits: 0,
        kibanaSavedObjectMeta: { searchSourceJSON },
        // Flat, as Kibana 7.3 wants it; later ones wrap it.
        sort: [source.time, 'desc'],
        title,
        version: 1,
      },
      references,
    };
  }
  const visState = drawings[config.kind](panel);
  const colors = config.kind === 'donut' ? { colors: { Other: restColor } } : {};
  return toVisualization({ id, title, visState, searchSourceJSON, references, ...colors });
}

/** What is no part by itself is grey, on white and on black. */
const restColor = '#98A2B3';

const drawings = {
  donut: toDonut,
  table: toTable,
  cloud: toCloud,
  heatmap: toHeatmap,
  metric: toMetric,
} as const satisfies Readonly<Record<string, (panel: Panel) => JsonObject>>;

function toDashboardObject({ name, config }: Dashboard, placed: readonly Placed[]): SavedObject {
  const panels = placed.map(({ object, title, ...gridData }, index) => ({
    embeddableConfig: title === undefined ? { hidePanelTitles: true } : { title },
    gridData: { ...gridData, i: `${index + 1}` },
    panelIndex: `${index + 1}`,
    panelRefName: `panel_${index}`,
    ...(title !== undefined && { title }),
    version: '7.3.0',
  }));
  return {
    type: 'dashboard',
    id: dashboardId(name),
    attributes: {
      description: config.question,
      hits: 0,
      kibanaSavedObjectMeta: {
        searchSourceJSON: JSON.stringify({
          query:
            config.query === undefined ? { language: 'kuery', query: '' } : { language: 'lucene', query: config.query },
          filter: [],
        }),
      },
      optionsJSON: JSON.stringify({ hidePanelTitles: false, useMargins: true }),
      panelsJSON: JSON.stringify(panels),
      timeRestore: false,
      title: `weir: ${config.title}`,
      version: 1,
    },
    references: placed.map(({ object }, index) => ({ id: object.id, name: `panel_${index}`, type: object.type })),
  };
}
