// docs/steps.md and `weir steps`: what the definitions of the steps say.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { stepDocsFile, toStepDocs } from '../../scripts/generate-step-docs.ts';
import { describeSteps } from '../../src/app/describe-steps.ts';
import { stepCatalog } from '../../src/enrich/step-catalog.ts';
import { toStepPage } from '../../src/enrich/step-page.ts';

test('docs/steps.md is what scripts/generate-step-docs.ts makes: run it after a change of a step', () => {
  expect(readFileSync(stepDocsFile, 'utf8')).toBe(toStepDocs());
});

describe('each step', () => {
  test.each(stepCatalog.map((step) => [step.name, step] as const))('%s says what it does', (_, step) => {
    const { summary, options, cost, examples } = toStepPage(step);
    expect(summary).toMatch(/^[A-Z].*\.$/s);
    expect(cost).toMatch(/^\d+(\.\d)? µs a document\. [A-Z].*\.$/);
    expect(examples.length).toBeGreaterThan(0);
    for (const { name, description } of options) expect(`${name}: ${description}`).toMatch(/: \S.*[.:]$|: \S/);
    expect(options.map(({ type }) => type)).not.toContain('value');
  });

  test('are in the order of the alphabet', () => {
    const names = stepCatalog.map(({ name }) => name);
    expect(names).toEqual(names.toSorted());
  });
});

describe('weir steps', () => {
  test('lists all', () => {
    const lines = describeSteps(undefined, { json: false }).trimEnd().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(stepCatalog.map(({ name }) => name));
  });

  test('shows one with its options, fields and examples', () => {
    const text = describeSteps('sampling', { json: false });
    expect(text).toContain(
      '  default (number, or map to number, or map to number)\n    Sampling interval of exporters that tell none',
    );
    expect(text).toContain('  step      sampling: { override: 512 }');
    expect(text).toContain('flow.sampling_interval: 512');
    expect(text).toMatch(/^Costs\n {2}0\.\d µs a document\. /m);
  });

  test('is JSON with --json: one object for a step, a list for all', () => {
    expect(JSON.parse(describeSteps('drop', { json: true }))).toMatchObject({
      name: 'drop',
      options: { type: 'object', required: ['when'] },
    });
    expect(JSON.parse(describeSteps(undefined, { json: true }))).toHaveLength(stepCatalog.length);
  });

  test('refuses a step that does not exist', () => {
    expect(() => describeSteps('geoipp', { json: false })).toThrow('unknown step "geoipp"; did you mean "geoip"?');
  });
});
