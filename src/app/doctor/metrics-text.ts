// Prometheus' text format (version 0.0.4), as weir itself writes it → samples by name.

export interface MetricSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Samples {
  get(name: string): readonly MetricSample[] | undefined;
  /** Over all labels; 0 where there is none. */
  sum(name: string): number;
}

const samplePattern = /^([a-z_][a-z0-9_]*)(?:\{(.*)\})? (\S+)$/;
const labelPattern = /([a-z_]+)="((?:[^"\\]|\\.)*)"/g;

/** Lines that are none are passed over. */
export function readSamples(text: string): Samples {
  const samples = new Map<string, MetricSample[]>();
  for (const line of text.split('\n')) {
    const [, name, labels = '', value] = samplePattern.exec(line) ?? [];
    if (name === undefined || !Number.isFinite(Number(value))) continue;
    const sample = { labels: readLabels(labels), value: Number(value) };
    const known = samples.get(name);
    if (known === undefined) samples.set(name, [sample]);
    else known.push(sample);
  }
  return {
    get: (name) => samples.get(name),
    sum: (name) => (samples.get(name) ?? []).reduce((sum, { value }) => sum + value, 0),
  };
}

function readLabels(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Array.from(text.matchAll(labelPattern), ([, name = '', value = '']) => [
      name,
      value.replaceAll(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character)),
    ]),
  );
}
