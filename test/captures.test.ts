// The captures of real exporters beside the repository, through the built command line, judged by their own comparison.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { capturesFolder, describeWith } from './needs.ts';

const main = fileURLToPath(new URL('../dist/app/main.js', import.meta.url));
const compare = join(capturesFolder, 'compare.py');

/** Resolves for any exit status: what failed is in the output. */
async function runPython(...args: string[]): Promise<string> {
  const run = promisify(execFile)('python3', args, { maxBuffer: 64 * 1024 * 1024 });
  const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error);
  return stdout + stderr;
}

describeWith(['captures', 'python'], 'the captures', () => {
  it('are decoded as expected, every one of them', { timeout: 600_000 }, async () => {
    expect(existsSync(main), 'build first: npm run build').toBe(true);
    const cases = (await runPython(compare, '--list')).trim().split('\n');
    expect(cases.length).toBeGreaterThanOrEqual(131);
    const result = await runPython(compare, '--failed', '--jobs', '2', `${process.execPath} ${main} decode`);
    expect(result.split('\n')[0]).toBe(`cases passed   ${cases.length}/${cases.length}`);
  });
});
