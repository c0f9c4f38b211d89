// Signs and counts → findings: words, commands, and how often the log says them.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FindingId, findingCatalog, toFinding } from '../../../src/app/findings/catalog.ts';
import { toExporterFindings } from '../../../src/app/findings/exporter-findings.ts';
import { createFindings } from '../../../src/app/findings/findings.ts';
import type { ExporterSign } from '../../../src/model/exporter-sign.ts';
import { countFault, createLedger } from '../../../src/telemetry/ledger.ts';
import { createLogger } from '../../../src/telemetry/logger.ts';
import type { DecoderLevels } from '../../../src/telemetry/measures.ts';

const exporter = '192.0.2.1';
const sign = (
  kind: ExporterSign['kind'],
  values: ExporterSign['values'] = {},
  enterprises: readonly number[] = [],
) => ({
  kind,
  exporter,
  values,
  enterprises,
});

describe('findings about exporters', () => {
  it('have the exporter’s numbers in their sentences, and no gap is left', () => {
    const findings = toExporterFindings(
      [
        sign('gateway-trap', { counters: 2, domain: 0 }),
        sign('counters-impossible', { percent: 30, bytes: 40, packets: 43_265 }),
        sign('clock-zone', { skewMs: -7_200_000 }),
        sign('sampling-unsaid', { percent: 67, says: 'nothing' }),
      ],
      [],
    );
    expect(findings.map(({ title }) => title)).toEqual([
      '192.0.2.1 is several exporters: 2 sequence counters take turns behind this one address',
      '192.0.2.1 sends impossible counters in 30 % of its flows, such as 40 bytes in 43265 packets',
      'The clock of 192.0.2.1 is 2 h behind ours: its time zone is taken for UTC',
      '192.0.2.1 seems to sample and tells nothing of it: 67 % of its TCP flows are a single large packet',
    ]);
    expect(findings.flatMap(({ fix }) => fix).join('\n')).toContain('default: { 192.0.2.1: 1000 }');
    for (const { title, why, fix } of findings) expect(`${title}${why}${fix.join('')}`).not.toMatch(/\{[a-z]\w*\}/i);
  });

  it('name the lines of a vendor that the templates tell', () => {
    const [found] = toExporterFindings([sign('templates-rare', { minutes: 30 }, [12_356])], []);
    expect(found?.fix.join('\n')).toContain('set template-tx-timeout 60');
    const [missing] = toExporterFindings([sign('templates-missing', { minutes: 3, sets: 1 }, [9])], []);
    expect(missing?.fix.join('\n')).toContain('template data timeout 60');
    const [unknown] = toExporterFindings([sign('templates-rare', { minutes: 30 }, [4711])], []);
    expect(unknown?.fix.at(-1)).toContain('docs/exporters/README.md');
  });

  it('don’t ask for sampling that the pipeline file says', () => {
    const steps = (options: unknown) => [{ name: 'sampling', options, given: {}, place: { line: 1, column: 1 } }];
    const unsaid = [sign('sampling-unsaid', { percent: 67, says: 'nothing' })];
    expect(toExporterFindings(unsaid, steps({ default: 1000 }))).toEqual([]);
    expect(toExporterFindings(unsaid, steps({ override: { '192.0.2.0/24': 1000 } }))).toEqual([]);
    expect(toExporterFindings(unsaid, steps({ default: { '10.0.0.0/8': 1000 } }))).toHaveLength(1);
    expect(toExporterFindings(unsaid, steps({}))).toHaveLength(1);
  });

  it('hold nothing that moves a terminal’s cursor or turns text around', () => {
    const { title } = toFinding('agents-behind-one-address', { agents: '\u001b[2J\u202eabc\n' }, { exporter });
    expect(title).not.toMatch(/[\p{C}]/u);
  });
});

describe('the catalogue', () => {
  it.each(Object.keys(findingCatalog) as FindingId[])('%s says what, why and how', (id) => {
    const { title, why, fix } = findingCatalog[id];
    expect(title).not.toMatch(/\.$/);
    expect(why).toMatch(/[.)}]$/);
    expect(fix.length).toBeGreaterThan(0);
  });
});

describe('a listener', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 1_700_000_000_000 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function createScene() {
    const ledger = createLedger();
    let signs: readonly ExporterSign[] = [];
    const lines: { readonly msg: string; readonly finding?: string }[] = [];
    const findings = createFindings({
      ledger,
      levels: () => ({ signs }) as DecoderLevels,
      steps: () => [],
      logger: createLogger({ write: (line) => lines.push(JSON.parse(line)) }),
      now: () => Date.now(),
    });
    findings.start();
    return { ledger, findings, lines, tell: (next: readonly ExporterSign[]) => (signs = next) };
  }

  it('says what is new once, shows it while it lasts, and no longer', () => {
    const { findings, lines, tell } = createScene();
    tell([sign('templates-rare', { minutes: 20 }), sign('gateway-trap', { counters: 2, domain: 0 })]);
    vi.advanceTimersByTime(600_000);
    expect(findings.current().map(({ id }) => id)).toEqual(['gateway-trap', 'templates-rare']);
    expect(lines.map(({ finding }) => finding)).toEqual(['gateway-trap', 'templates-rare']);
    tell([]);
    vi.advanceTimersByTime(10_000);
    expect(findings.current()).toEqual([]);
    findings.stop();
  });

  it('misses an exporter that was heard regularly, and forgets it after a day', () => {
    const { ledger, findings } = createScene();
    for (let i = 0; i < 60; i++) {
      ledger.exporter(exporter).datagramsReceived += 1;
      if (i < 5) ledger.exporter('192.0.2.2').datagramsReceived += 1;
      vi.advanceTimersByTime(10_000);
    }
    expect(findings.current()).toEqual([]);
    vi.advanceTimersByTime(4 * 60_000);
    expect(findings.current()).toEqual([]);
    vi.advanceTimersByTime(2 * 60_000);
    expect(findings.current().map(({ title }) => title)).toEqual([
      '192.0.2.1 has sent nothing for 6 min; before, a datagram came every 10 s',
    ]);
    ledger.exporter(exporter).datagramsReceived += 1;
    vi.advanceTimersByTime(5000);
    expect(findings.current()).toEqual([]);
    vi.advanceTimersByTime(25 * 3_600_000);
    expect(findings.current()).toEqual([]);
    findings.stop();
  });

  it('names an exporter whose sets were lost for want of a template, for ten minutes', () => {
    const { ledger, findings } = createScene();
    ledger.exporter(exporter).datagramsReceived += 1;
    vi.advanceTimersByTime(5000);
    for (let i = 0; i < 3; i++) countFault(ledger.exporter(exporter), 'parked-expired');
    vi.advanceTimersByTime(5000);
    expect(findings.current()).toMatchObject([{ id: 'templates-lost', exporter, severity: 'error' }]);
    expect(findings.current()[0]?.title).toContain('lost 3 sets');
    vi.advanceTimersByTime(11 * 60_000);
    expect(findings.current()).toEqual([]);
    findings.stop();
  });
});
