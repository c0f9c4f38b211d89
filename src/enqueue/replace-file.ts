// A file whose new content is there whole, or not at all. Not synced: a killed process's writes are not lost.

import { rename, writeFile } from 'node:fs/promises';

export async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.part`, text, { mode: 0o600 });
  await rename(`${path}.part`, path);
}
