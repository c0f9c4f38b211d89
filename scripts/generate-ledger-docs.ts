// Writes index-templates/weir-ledger.json and the table of docs/ledger.md from src/telemetry/ledger-fields.ts:
// `npx tsx scripts/generate-ledger-docs.ts`.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { droppedByStep, type LedgerField, ledgerCounts, ledgerKeys } from '../src/telemetry/ledger-fields.ts';
import { toTemplateText } from './generate-index-template.ts';

export const ledgerTemplateFile = fileURLToPath(new URL('../index-templates/weir-ledger.json', import.meta.url));
export const ledgerPage = fileURLToPath(new URL('../docs/ledger.md', import.meta.url));

/** Goes up with each change, and test/index/template-versions.json with it. */
const templateVersion = 3;

export function toLedgerTemplate(): string {
  const properties: Record<string, unknown> = { [droppedByStep]: { dynamic: true, properties: {} } };
  properties['node'] = { properties: { ipaddr: { type: 'alias', path: 'exporter' } } };
  for (const { name, type } of [...ledgerKeys, ...ledgerCounts]) {
    const mapping = type === 'keyword' ? { type, ignore_above: 256 } : { type };
    const [object, ...rest] = name.split('.');
    if (rest.length === 0) properties[name] = mapping;
    else {
      properties[object!] ??= { properties: {} };
      (properties[object!] as { properties: Record<string, unknown> }).properties[rest.join('.')] = mapping;
    }
  }
  return `${toTemplateText({
    version: templateVersion,
    index_patterns: ['weir-ledger-*'],
    settings: {
      index: {
        number_of_shards: 1,
        auto_expand_replicas: '0-1',
        refresh_interval: '5s',
        codec: 'best_compression',
        'mapping.ignore_malformed': true,
      },
    },
    mappings: {
      dynamic: false,
      date_detection: false,
      numeric_detection: false,
      dynamic_templates: [{ steps: { path_match: `${droppedByStep}.*`, mapping: { type: 'long' } } }],
      properties: Object.fromEntries(Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1))),
    },
  })}\n`;
}

const begin = '<!-- fields: scripts/generate-ledger-docs.ts -->';
const end = '<!-- end of fields -->';

/** The page with its table renewed. */
export function toLedgerPage(page: string): string {
  const [before, rest = ''] = page.split(begin);
  const [, after] = rest.split(end);
  if (after === undefined) throw new Error(`docs/ledger.md has no ${begin} … ${end}`);
  const rows = [
    ...ledgerKeys.map(toRow),
    ...ledgerCounts.map(toRow),
    toRow({
      name: `${droppedByStep}.<step>`,
      type: 'long',
      stage: 'work',
      meaning: 'Of `records_dropped_by_steps`, those of each step, by its name.',
    }),
  ];
  const table = ['| field | type | counted in | meaning |', '|---|---|---|---|', ...rows].join('\n');
  return `${before}${begin}\n\n${table}\n\n${end}${after}`;
}

function toRow({ name, type, stage, meaning }: LedgerField): string {
  return `| \`${name}\` | ${type} | ${stage ?? ''} | ${meaning} |`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(ledgerTemplateFile, toLedgerTemplate());
  writeFileSync(ledgerPage, toLedgerPage(readFileSync(ledgerPage, 'utf8')));
}
