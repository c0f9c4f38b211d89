// Makes monitoring/grafana-dashboard.json: the metrics of docs/operations.md, in the order in which a flow meets them.
//   npx tsx scripts/generate-grafana-dashboard.ts      a test holds the file equal to what this makes

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

interface Query {
  readonly expr: string;
  /** What a series is called; "{{label}}" is a label's value. */
  readonly legend: string;
}

interface Panel {
  readonly title: string;
  /** What it means when it moves, and what to do. */
  readonly description: string;
  /** Of Grafana: cps (a second), short, bytes, s, percentunit. */
  readonly unit: string;
  readonly queries: readonly Query[];
}

const chosen = 'instance=~"$instance"';
const rate = (metric: string, labels = chosen) => `rate(${metric}{${labels}}[$__rate_interval])`;
const sum = (metric: string, by?: string) => `sum${by === undefined ? '' : ` by(${by})`} (${rate(metric)})`;
const top = (expr: string) => `topk(10, ${expr})`;

export const rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[] = [
  {
    title: 'Is everything there?',
    panels: [
      {
        title: 'From socket to index',
        description:
          'Flow records in, documents out. The lines lie on each other while nothing waits and nothing is lost.',
        unit: 'cps',
        queries: [
          { expr: sum('weir_decode_records_decoded_total'), legend: 'decoded' },
          { expr: sum('weir_enqueue_records_queued_total'), legend: 'queued' },
          { expr: sum('weir_index_documents_indexed_total'), legend: 'indexed' },
        ],
      },
      {
        title: 'Lost, by place',
        description: 'Zero, or docs/operations.md says for each what to do.',
        unit: 'cps',
        queries: [
          {
            expr: `${sum('weir_collect_records_missed_total')} - ${sum('weir_collect_records_found_total')}`,
            legend: 'records, on the way here (v5, IPFIX)',
          },
          {
            expr: `${sum('weir_collect_datagrams_missed_total')} - ${sum('weir_collect_datagrams_found_total')}`,
            legend: 'datagrams, on the way here (v9, sFlow)',
          },
          { expr: sum('weir_collect_kernel_datagrams_dropped_total'), legend: 'datagrams, in the kernel' },
          { expr: sum('weir_enqueue_records_refused_total'), legend: 'records that queue and spool refused' },
          { expr: sum('weir_enqueue_spooled_records_lost_total'), legend: 'records, in the spool' },
          { expr: sum('weir_enqueue_queued_records_lost_total'), legend: 'records, on the queue' },
          { expr: sum('weir_enqueue_records_quarantined_total'), legend: 'records in quarantine' },
          { expr: sum('weir_index_documents_dead_lettered_total'), legend: 'dead letters' },
        ],
      },
    ],
  },
  {
    title: 'Exporters',
    panels: [
      {
        title: 'Records by exporter',
        description: 'The ten that send most. One that falls to nothing has stopped, or something between drops it.',
        unit: 'cps',
        queries: [{ expr: top(sum('weir_decode_records_decoded_total', 'exporter')), legend: '{{exporter}}' }],
      },
      {
        title: 'Lost on the way, by exporter',
        description: 'By sequence numbers: records of NetFlow v5 and IPFIX, datagrams of NetFlow v9 and sFlow.',
        unit: 'cps',
        queries: [
          { expr: top(sum('weir_collect_records_missed_total', 'exporter')), legend: '{{exporter}} records' },
          { expr: top(sum('weir_collect_datagrams_missed_total', 'exporter')), legend: '{{exporter}} datagrams' },
        ],
      },
      {
        title: 'Faults in datagrams',
        description: 'docs/errors.md says what each code means.',
        unit: 'cps',
        queries: [
          { expr: top(sum('weir_decode_faults_counted_total', 'exporter, code')), legend: '{{exporter}} {{code}}' },
        ],
      },
      {
        title: 'Waiting for templates',
        description: 'Sets that came before their template. Exporters should send templates every minute.',
        unit: 'short',
        queries: [
          { expr: `sum(weir_decode_sets_waiting{${chosen}})`, legend: 'sets that wait' },
          { expr: `sum(weir_decode_templates_known{${chosen}})`, legend: 'templates known' },
        ],
      },
    ],
  },
  {
    title: 'Queue',
    panels: [
      {
        title: 'Age of the oldest batch',
        description: 'Above some seconds for long: more workers, or a quicker Elasticsearch.',
        unit: 's',
        queries: [{ expr: `max(weir_enqueue_oldest_batch_age_seconds{${chosen}})`, legend: 'age' }],
      },
      {
        title: 'Records that wait',
        description: 'On the queue, and on the disks of listeners.',
        unit: 'short',
        queries: [
          { expr: `max(weir_enqueue_queue_records{${chosen}})`, legend: 'queue' },
          { expr: `sum(weir_enqueue_spool_records{${chosen}})`, legend: 'spool' },
        ],
      },
    ],
  },
  {
    title: 'Index',
    panels: [
      {
        title: 'Documents',
        description: '"already there" is a retry that doubled nothing.',
        unit: 'cps',
        queries: [
          { expr: sum('weir_index_documents_indexed_total'), legend: 'indexed' },
          { expr: sum('weir_index_documents_already_there_total'), legend: 'already there' },
          { expr: sum('weir_enrich_records_dropped_total', 'step'), legend: 'dropped by {{step}}' },
        ],
      },
      {
        title: 'Answers of Elasticsearch',
        description: 'Time of the last bulk request, by process. weir sends less when it grows.',
        unit: 's',
        queries: [{ expr: `weir_index_request_latency_seconds{${chosen}}`, legend: '{{instance}}' }],
      },
    ],
  },
  {
    title: 'Processes',
    panels: [
      {
        title: 'CPU',
        description: '1 is one core. A listener near 1 loses datagrams soon.',
        unit: 'percentunit',
        queries: [{ expr: rate('process_cpu_seconds_total', `${chosen}, job=~"weir.*"`), legend: '{{instance}}' }],
      },
      {
        title: 'Memory',
        description: 'Resident.',
        unit: 'bytes',
        queries: [{ expr: `process_resident_memory_bytes{${chosen}, job=~"weir.*"}`, legend: '{{instance}}' }],
      },
    ],
  },
];

/** The JSON model of a dashboard, for Grafana 9 and newer (its documentation: "Dashboard JSON model"). */
export function toGrafanaDashboard(): string {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    panels.push({
      type: 'row',
      id: panels.length + 1,
      title: row.title,
      collapsed: false,
      gridPos: { x: 0, y, w: 24, h: 1 },
    });
    y += 1;
    for (const [i, panel] of row.panels.entries()) {
      const gridPos = { x: (i % 2) * 12, y: y + Math.floor(i / 2) * 8, w: 12, h: 8 };
      panels.push(toPanel(panel, panels.length + 1, gridPos));
    }
    y += Math.ceil(row.panels.length / 2) * 8;
  }
  const dashboard = {
    title: 'weir',
    uid: 'weir',
    tags: ['netflow', 'ipfix', 'sflow'],
    schemaVersion: 37,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-3h', to: 'now' },
    templating: { list: [dataSource, instance] },
    panels,
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

const dataSource = { name: 'source', label: 'Prometheus', type: 'datasource', query: 'prometheus' };
const instance = {
  name: 'instance',
  label: 'Instance',
  type: 'query',
  datasource: { type: 'prometheus', uid: '$source' },
  query: { query: 'label_values(weir_telemetry_build_info, instance)', refId: 'instance' },
  refresh: 2,
  multi: true,
  includeAll: true,
  allValue: '.*',
};

function toPanel({ title, description, unit, queries }: Panel, id: number, gridPos: object): object {
  return {
    type: 'timeseries',
    id,
    title,
    description,
    gridPos,
    datasource: { type: 'prometheus', uid: '$source' },
    fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
    options: { legend: { displayMode: 'list', placement: 'bottom' }, tooltip: { mode: 'multi' } },
    targets: queries.map(({ expr, legend }, i) => ({ refId: String.fromCharCode(65 + i), expr, legendFormat: legend })),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('../monitoring/grafana-dashboard.json', import.meta.url), toGrafanaDashboard());
}
