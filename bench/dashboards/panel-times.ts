// The searches of one dashboard, as Kibana sends them when it is opened: those of all its panels at once, as many at a time as a browser
// has connections to a server.

import { toHeadObject, toPanelObject } from '../../scripts/kibana/dashboard-objects.ts';
import type { Dashboard, Definitions, Panel } from '../../scripts/kibana/definitions.ts';
import type { SavedObject } from '../../scripts/kibana/saved-object.ts';
import {
  type Answer,
  type Ask,
  askAggregations,
  askControl,
  askRecords,
  askSeries,
  askVega,
  type TimeRange,
} from '../../test/kibana/kibana-search.ts';

export interface DashboardTime {
  readonly panels: number;
  readonly searches: number;
  readonly ms: number;
  readonly slowest: { readonly title: string; readonly ms: number };
  /** Of each panel, from the moment that the dashboard was opened. */
  readonly byPanel: ReadonlyMap<string, number>;
}

/** Of a browser, by HTTP/1.1. */
const connections = 6;
/** Of a list to choose from, which Kibana asks no more than that of each shard for. */
const controlSize = 10;

export async function openDashboard(
  dashboard: Dashboard,
  definitions: Definitions,
  range: TimeRange,
  url: string,
  isAlone = false,
): Promise<DashboardTime> {
  const lanes = createLanes(connections);
  let searches = 0;
  const askOf =
    (pattern: string, query?: string): Ask =>
    (body) => {
      searches += 1;
      return lanes(() => search(url, pattern, query === undefined ? body : withQuery(body, query)));
    };
  const startedAt = performance.now();
  const byPanel = new Map<string, number>();
  const timed = async (title: string, work: () => Promise<unknown>): Promise<void> => {
    const beganAt = isAlone ? performance.now() : startedAt;
    await work();
    byPanel.set(title, performance.now() - beganAt);
  };
  const works: (() => Promise<void>)[] = [];
  const { head } = definitions;
  works.push(() =>
    timed(head.title, () => askPanel(head, toHeadObject(definitions), range, askOf(head.source.pattern))),
  );
  for (const { field, source } of dashboard.controls) {
    const { pattern } = definitions.sources.get(source)!;
    works.push(() => timed(`list of ${field}`, () => askControl(field, controlSize, range, askOf(pattern))));
  }
  for (const panel of dashboard.rows.flat()) {
    if (panel.config.kind === 'text') continue;
    const object = toPanelObject(panel, dashboard.name, dashboard.config.title);
    works.push(() =>
      timed(panel.title, () => askPanel(panel, object, range, askOf(panel.source.pattern, dashboard.config.query))),
    );
  }
  if (isAlone) for (const work of works) await work();
  else await Promise.all(works.map((work) => work()));
  const ms = performance.now() - startedAt;
  const [title, slowest] = [...byPanel].toSorted((a, b) => b[1] - a[1])[0]!;
  return { panels: works.length, searches, ms, slowest: { title, ms: slowest }, byPanel };
}

function askPanel(panel: Panel, object: SavedObject, range: TimeRange, ask: Ask): Promise<unknown> {
  switch (panel.config.kind) {
    case 'series':
      return askSeries(object, range, ask);
    case 'list':
    case 'strip':
    case 'sankey':
    case 'map':
      return askVega(object, range, ask);
    case 'records':
      return askRecords(object, range, ask);
    default:
      return askAggregations(object, range, ask);
  }
}

/** What stands in the dashboard's search bar is asked of each panel. */
function withQuery(body: object, query: string): object {
  const asked = { query_string: { query, analyze_wildcard: true } };
  return { ...body, query: { bool: { filter: [(body as { query: object }).query, asked] } } };
}

async function search(url: string, pattern: string, body: object): Promise<Answer> {
  const response = await fetch(`${url}/${pattern}/_search?ignore_unavailable=true`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const answer = JSON.parse(text) as Answer & { readonly _shards?: { readonly failed: number } };
  if (!response.ok || (answer._shards?.failed ?? 0) > 0)
    throw new Error(`${JSON.stringify(body)}: ${text.slice(0, 800)}`);
  return answer;
}

/** Runs so many at a time, in the order in which they came. */
function createLanes(count: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = count;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free -= 1;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
