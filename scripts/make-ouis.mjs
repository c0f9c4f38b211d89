// Makes data/ouis.tsv, the vendors of MAC addresses, from the npm package oui-data (the IEEE registries as JSON):
//   npm pack oui-data && tar xzf oui-data-*.tgz && node scripts/make-ouis.mjs package > data/ouis.tsv
// One line per vendor: its name, and the prefixes that it has (6, 7 or 9 hex digits), the smallest first.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
if (folder === undefined) {
  console.error('usage: node scripts/make-ouis.mjs FOLDER_OF_OUI_DATA > data/ouis.tsv');
  process.exit(2);
}
const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
const entries = Object.entries(JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')));

/** Holders who are not named, and the registry's own blocks, whose parts have holders of their own. */
const unnamed = ['Private', 'IEEE Registration Authority'];

const prefixesOf = new Map();
for (const [prefix, address] of entries) {
  const vendor = address.split('\n')[0].replaceAll(/\s+/g, ' ').trim();
  if (vendor === '' || unnamed.includes(vendor)) continue;
  prefixesOf.set(vendor, [...(prefixesOf.get(vendor) ?? []), prefix.toLowerCase()]);
}
const lines = [...prefixesOf]
  .map(([vendor, prefixes]) => `${vendor}\t${prefixes.sort().join(' ')}`)
  .sort((a, b) => (a < b ? -1 : 1));
process.stdout.write(
  `# IEEE registries MA-L, MA-M and MA-S, through oui-data ${version}; made by scripts/make-ouis.mjs\n${lines.join('\n')}\n`,
);
