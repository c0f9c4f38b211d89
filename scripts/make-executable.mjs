// Lets the built program be called by its name in a clone (`npx weir`): npm sets this bit only for installed packages.

import { chmodSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

chmodSync(fileURLToPath(new URL('../dist/app/main.js', import.meta.url)), 0o755);
