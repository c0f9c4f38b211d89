// Changes in the text of a document do what the same changes do to the object.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Change, changedDocument, DocumentChanges } from '../../src/enrich/document-changes.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd');
const leaf = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '"', '\\', ',', '{', '}', ':', '[', '\u2028', 'é'), maxLength: 6 }),
  fc.integer(),
  fc.boolean(),
  fc.array(fc.oneof(fc.string({ maxLength: 3 }), fc.constant('"a":1,')), { maxLength: 3 }),
  fc.record({ a: fc.constant(1), b: fc.constant('}') }),
);
const document = fc.record({
  '@timestamp': fc.constant('2026-01-01T00:00:00.000Z'),
  node: fc.dictionary(name, leaf),
  netflow: fc.dictionary(name, leaf),
  flow: fc.dictionary(name, leaf),
});
const change = fc.tuple(
  fc.constantFrom('node', 'netflow', 'flow'),
  name,
  fc.oneof(fc.string({ maxLength: 5 }), fc.integer(), fc.constant(null)),
);
const label = fc.tuple(fc.constantFrom('x', 'y', 'z'), fc.option(fc.string({ maxLength: 5 }), { nil: undefined }));

/** Text of documents has a character for each byte of UTF-8. */
const bytes = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

test('fields are replaced, added and taken out, and labels come last', () => {
  fc.assert(
    fc.property(
      document,
      fc.array(change, { maxLength: 6 }),
      fc.array(label, { maxLength: 4 }),
      (original, edits, labels) => {
        const changes = new DocumentChanges();
        // What was there before is forgotten.
        changes.setLabel('old', 'text');
        changes.setField('flow.a', 'old');
        changes.clear();
        const expected = structuredClone(original) as unknown as Record<string, Record<string, unknown>>;
        for (const [object, member, value] of edits as readonly [string, string, Change][]) {
          changes.setField(`${object}.${member}`, value);
          if (value === null) delete expected[object]![member];
          else expected[object]![member] = value;
        }
        const expectedLabels: Record<string, string> = {};
        for (const [key, text] of labels) {
          changes.setLabel(key, text);
          if (text === undefined) delete expectedLabels[key];
          else expectedLabels[key] = text;
        }
        if (Object.keys(expectedLabels).length > 0) expected['labels'] = expectedLabels;
        const text = changedDocument(`${bytes(JSON.stringify(original))}\n`, changes);
        expect(text.endsWith('}\n')).toBe(true);
        expect(JSON.parse(Buffer.from(text, 'latin1').toString('utf8'))).toEqual(expected);
      },
    ),
    { numRuns: 1000 },
  );
});

test('labels that were set can be read, until they are cleared', () => {
  const changes = new DocumentChanges();
  changes.setLabel('a', '1');
  changes.setLabel('b', '2');
  changes.setLabel('a', undefined);
  expect([changes.labels.get('a'), changes.labels.get('b'), changes.isUsed]).toEqual([undefined, '2', true]);
  changes.clear();
  expect([changes.labels.get('b'), changes.isUsed]).toEqual([undefined, false]);
});
