import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { errorDocsFile, toErrorDocs } from '../../scripts/generate-error-docs.ts';
import { errorCodes } from '../../src/model/errors.ts';
import { faultCodes } from '../../src/model/fault.ts';

test('docs/errors.md is what scripts/generate-error-docs.ts makes: run it after a change of the codes', () => {
  expect(readFileSync(errorDocsFile, 'utf8')).toBe(toErrorDocs());
});

test('docs/errors.md has each code once, with its sentence', () => {
  const lines = readFileSync(errorDocsFile, 'utf8').split('\n');
  for (const [code, meaning] of Object.entries({ ...errorCodes, ...faultCodes })) {
    expect(lines.filter((line) => line === `| \`${code}\` | ${meaning} |`)).toHaveLength(1);
  }
  expect(lines.filter((line) => line.startsWith('| `'))).toHaveLength(
    Object.keys(errorCodes).length + Object.keys(faultCodes).length,
  );
});
