// Where a running weir can be asked for a copy of what comes in: below its state folder.

import { join } from 'node:path';

export function toSocketFolder(stateDirectory: string): string {
  return join(stateDirectory, 'capture');
}
