// `npm run bench`: every benchmark in a process of its own, one after the other; `npm run bench -- decode enrich` runs those.
// Figures depend on the machine: compare within one run.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

const all = [
  'decode',
  'decode-sflow',
  'enrich',
  'steps',
  'lookup',
  'index',
  'collect',
  'queue',
  'elasticsearch',
  'status',
  'rollups',
  'dashboards',
  'end-to-end',
];

/** `enrich` is the pipeline as a whole, then each further step, then tables of a million rows. */
const named = process.argv.slice(2).flatMap((name) => (name === 'enrich' ? ['enrich', 'steps', 'lookup'] : [name]));
const unknown = named.filter((name) => !all.includes(name));
if (unknown.length > 0) {
  console.error(`unknown benchmark ${unknown.join(', ')}; there are ${all.join(', ')}`);
  process.exit(2);
}
console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`);
for (const name of named.length > 0 ? named : all) {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  if (!existsSync(file)) throw new Error(`no file ${name}.ts`);
  console.log(`\n## ${name}\n`);
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', file], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
