// The examples of every step, through the pipeline: what the documentation shows is what weir does.

import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { documentFieldNames } from '../../../src/enrich/document-fields.ts';
import { createDocumentLane } from '../../../src/enrich/document-writer.ts';
import { createPipeline } from '../../../src/enrich/pipeline.ts';
import type { StepDefinition, StepExample } from '../../../src/enrich/step.ts';
import { stepCatalog } from '../../../src/enrich/step-catalog.ts';
import { toTestBatch, valueAtPath } from '../../../src/enrich/test-record.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { parseDocuments } from '../sample-document.ts';

describe.each(stepCatalog.map((definition) => [definition.name, definition] as const))(
  'the step %s',
  (_name, definition) => {
    it.each(definition.examples.map((example) => [example.title, example] as const))(
      'example: %s',
      async (_title, example) => {
        const documents = await documentsOf(definition, example);
        const expected = example.expect === 'dropped' ? [] : [example.expect].flat();
        expect(documents).toHaveLength(expected.length);
        for (const [index, fields] of expected.entries()) {
          const found = Object.keys(fields).map((path) => [path, valueAtPath(documents[index], path) ?? null]);
          expect(Object.fromEntries(found)).toEqual(fields);
        }
      },
    );

    it('has at least two examples', () => {
      expect(definition.examples.length).toBeGreaterThanOrEqual(2);
    });

    it('describes itself and each of its options in a sentence', () => {
      expect(definition.summary).toMatch(/^[A-Z].*\.$/);
      const { properties = {} } = z.toJSONSchema(definition.options, { io: 'input' });
      for (const [option, schema] of Object.entries(properties)) {
        expect(schema, option).toHaveProperty('description', expect.stringMatching(/^[A-Z].*\.$/));
      }
    });

    it('reads and writes fields that documents have', () => {
      const names = documentFieldNames();
      expect([...definition.reads, ...definition.writes].filter((path) => !names.includes(path))).toEqual([]);
    });

    it('refuses options that it does not know', () => {
      expect(definition.options.safeParse({ 'no-such-option': 1 }).success).toBe(false);
    });
  },
);

describe('the catalog', () => {
  it('names every step once, by alphabet', () => {
    const names = stepCatalog.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)].sort());
  });
});

async function documentsOf(definition: StepDefinition<unknown>, example: StepExample): Promise<readonly unknown[]> {
  const options = definition.options.parse(example.options);
  const step = await definition.create(options, { folder: '.', logger: silentLogger });
  const pipeline = createPipeline({ steps: [{ name: definition.name, step }] });
  const batch = toTestBatch({ protocol: 'ipfix', fields: example.record });
  await pipeline.prepare(batch);
  const documents = parseDocuments(pipeline.toDocuments(batch, createDocumentLane()));
  await pipeline.close();
  return documents;
}
