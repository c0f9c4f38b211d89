// Writes docs/errors.md from the tables of codes in src/model: `npx tsx scripts/generate-error-docs.ts`.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorCodes } from '../src/model/errors.ts';
import { faultCodes } from '../src/model/fault.ts';

export const errorDocsFile = fileURLToPath(new URL('../docs/errors.md', import.meta.url));

export function toErrorDocs(): string {
  return `# Errors and faults

Generated from \`src/model/errors.ts\` and \`src/model/fault.ts\` by \`scripts/generate-error-docs.ts\`.

## Errors

What weir was told to do cannot be done. At start-up an error is one line on stderr, with what to do about it, and exit code 2
([cli.md](cli.md)); a log line carries its code as \`code\`. After the start nothing ends the process: weir waits and goes on.

${toTable(errorCodes)}

## Faults

What is wrong with a datagram or a record. A fault is counted per exporter and logged a few times at most; it costs as little as
its sentence says, and never the datagrams after it. \`weir decode\` prints each one.

${toTable(faultCodes)}
`;
}

function toTable(codes: Readonly<Record<string, string>>): string {
  const rows = Object.entries(codes).map(([code, meaning]) => `| \`${code}\` | ${meaning.replaceAll('|', '\\|')} |`);
  return ['| code | meaning |', '|---|---|', ...rows].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(errorDocsFile, toErrorDocs());
