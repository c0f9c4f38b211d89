// The measures as text for Prometheus, or as OpenMetrics. Numbers are read when somebody asks: between scrapes metrics cost nothing.

import { Counter, Gauge, type OpenMetricsContentType, type PrometheusContentType, Registry } from 'prom-client';
import { addCounts, type ExporterCounts, type Ledger, otherExporters, zeroCounts } from './ledger.ts';
import { type Levels, type Measure, type MeasureSource, measures, type ProcessUsage } from './measures.ts';

export interface MetricsOptions {
  readonly ledger: Ledger;
  /** Where things stand; must not reject, and answer within a second. */
  readonly readLevels: () => Promise<Levels>;
  readonly version: string;
  readonly startedAtMs: number;
  readonly now: () => number;
  /** With series of their own, in the order in which they were first heard; the further ones are `others`. */
  readonly maxExporters?: number;
}

export interface MetricsText {
  readonly contentType: string;
  readonly body: string;
}

export interface Metrics {
  /** `accept`: the header of the request. */
  toText(accept: string): Promise<MetricsText>;
}

/** 30 series each: Prometheus takes a hundred thousand with ease, and they are 4 MB of text. */
const defaultMaxExporters = 1000;

export function createMetrics({
  ledger,
  readLevels,
  version,
  startedAtMs,
  now,
  maxExporters = defaultMaxExporters,
}: MetricsOptions): Metrics {
  let source: MeasureSource;
  const read = (): MeasureSource => source;
  // prom-client changes the names of counters for OpenMetrics: each format has metrics of its own.
  const prometheus = fill(new Registry(), read);
  const openMetrics = fill(new Registry<OpenMetricsContentType>(), read);
  openMetrics.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  /** Who asks while an answer is being made gets the same one. */
  const underWay = new Map<AnyRegistry, Promise<string>>();

  async function make(registry: AnyRegistry): Promise<string> {
    const levels = await readLevels();
    source = {
      ledger,
      exporters: toShownExporters(ledger, maxExporters),
      levels,
      process: readProcess(),
    };
    return registry.metrics();
  }

  function readProcess(): ProcessUsage {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    return {
      nowMs: now(),
      startedAtMs,
      cpuSeconds: (user + system) / 1e6,
      residentBytes: rss,
      heapBytes: heapUsed,
      version,
    };
  }

  return {
    async toText(accept) {
      const registry = /\bapplication\/openmetrics-text\b/i.test(accept) ? openMetrics : prometheus;
      let body = underWay.get(registry);
      if (body === undefined) {
        body = make(registry).finally(() => underWay.delete(registry));
        underWay.set(registry, body);
      }
      return { contentType: registry.contentType, body: await body };
    },
  };
}

/** The first `maxExporters` as they are, the rest as one. Those stay the same, so that no series ever goes back. */
function toShownExporters(ledger: Ledger, maxExporters: number): ReadonlyMap<string, ExporterCounts> {
  const all = ledger.exporters();
  if (all.size <= maxExporters) return all;
  const shown = new Map<string, ExporterCounts>();
  const others = zeroCounts();
  for (const [exporter, counts] of all) {
    if (shown.size < maxExporters && exporter !== otherExporters) shown.set(exporter, counts);
    else addCounts(others, counts);
  }
  return shown.set(otherExporters, others);
}

type AnyRegistry = Registry<PrometheusContentType> | Registry<OpenMetricsContentType>;

function fill<Filled extends AnyRegistry>(registry: Filled, read: () => MeasureSource): Filled {
  for (const measure of measures) {
    registry.registerMetric(toMetric(measure, read));
  }
  return registry;
}

/** prom-client's own keep a value per series; these look where the numbers already are. */
function toMetric(measure: Measure, read: () => MeasureSource): Counter | Gauge {
  const { type, name, help, labels } = measure;
  const configuration = { name, help, labelNames: labels, registers: [] };
  const metric = type === 'counter' ? new Counter(configuration) : new Gauge(configuration);
  const about = metric.get.bind(metric);
  return Object.assign(metric, {
    get: async () => ({ ...(await about()), values: toValues(measure, read) }),
  });
}

type Values = Awaited<ReturnType<Counter['get']>>['values'];

function toValues(measure: Measure, read: () => MeasureSource): Values {
  return measure.read(read()).map(({ labels, value }) => ({ labels, value }));
}
