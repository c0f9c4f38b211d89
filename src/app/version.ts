// weir's own version, from package.json.

import { readFileSync } from 'node:fs';

export function readVersion(): string {
  // Two folders up from src/app as well as from dist/app.
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
