import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ledgerPage, ledgerTemplateFile, toLedgerPage, toLedgerTemplate } from '../../scripts/generate-ledger-docs.ts';
import { ledgerCounts, ledgerKeys } from '../../src/telemetry/ledger-fields.ts';

test('the template and the table of docs/ledger.md are what scripts/generate-ledger-docs.ts makes', () => {
  expect(readFileSync(ledgerTemplateFile, 'utf8')).toBe(toLedgerTemplate());
  const page = readFileSync(ledgerPage, 'utf8');
  expect(page).toBe(toLedgerPage(page));
});

test('the example has fields of the table only, and adds up', () => {
  const file = new URL('../../docs/examples/ledger-documents.json', import.meta.url);
  const documents = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>[];
  const known = new Set([...ledgerKeys, ...ledgerCounts].map(({ name }) => name.split('.')[0]));
  known.add('dropped_by_step');
  expect(documents.flatMap((document) => Object.keys(document)).filter((name) => !known.has(name))).toEqual([]);
  const sum = (...names: readonly string[]) =>
    documents.reduce((all, document) => all + names.reduce((part, name) => part + Number(document[name] ?? 0), 0), 0);
  expect(sum('records_exported') - sum('records_lost_estimated')).toBe(sum('records_decoded'));
  expect(
    sum('documents_indexed', 'documents_already_there', 'documents_dead_lettered', 'records_dropped_by_steps'),
  ).toBe(sum('records_decoded'));
});
