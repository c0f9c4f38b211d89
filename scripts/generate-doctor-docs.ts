// Writes the tables of docs/doctor.md from src/app/findings/*-catalog.ts: `npx tsx scripts/generate-doctor-docs.ts`.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { CatalogEntry } from '../src/app/findings/catalog.ts';
import { exporterFindings } from '../src/app/findings/exporter-catalog.ts';
import { localFindings } from '../src/app/findings/local-catalog.ts';
import { serverFindings } from '../src/app/findings/server-catalog.ts';

export const doctorPage = fileURLToPath(new URL('../docs/doctor.md', import.meta.url));

const areas: Readonly<Record<string, Readonly<Record<string, CatalogEntry>>>> = {
  exporters: exporterFindings,
  machine: localFindings,
  servers: serverFindings,
};

/** The page with its tables renewed. */
export function toDoctorPage(page: string): string {
  return Object.entries(areas).reduce((text, [area, findings]) => {
    const begin = `<!-- findings about ${area}: scripts/generate-doctor-docs.ts -->`;
    const end = `<!-- end of findings about ${area} -->`;
    const [before, rest = ''] = text.split(begin);
    const [, after] = rest.split(end);
    if (after === undefined) throw new Error(`docs/doctor.md has no ${begin} … ${end}`);
    const rows = Object.entries(findings).map(
      ([id, { severity, title, why, fix }]) =>
        `| \`${id}\`<br>${severity} | ${toText(title)}. | ${toText(why)} | ${fix.map(toLine).join('<br>')} |`,
    );
    const head = ['| finding | what is | why it matters | what mends it |', '|---|---|---|---|'];
    return [before, begin, '\n\n', [...head, ...rows].join('\n'), '\n\n', end, after].join('');
  }, page);
}

/** Numbers and names that are filled in. */
function toText(text: string): string {
  return text.replaceAll(/\{(\w+)\}/g, '*$1*').replaceAll('|', '\\|');
}

function toLine(line: string): string {
  if (line.startsWith('#')) return toText(line.replace(/^#\s*/, ''));
  return `\`${line.replaceAll(/\{(\w+)\}/g, '<$1>').replaceAll('|', '\\|')}\``;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(doctorPage, toDoctorPage(readFileSync(doctorPage, 'utf8')));
}
