// The status page's files beside the built program, as they are: src/telemetry/page → dist/telemetry/page.

import { cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [from, to] = ['../src/telemetry/page', '../dist/telemetry/page'].map((path) =>
  fileURLToPath(new URL(path, import.meta.url)),
);
rmSync(to, { recursive: true, force: true });
cpSync(from, to, { recursive: true });
