// Writes kibana-saved-objects/weir.ndjson and docs/dashboards.md from the definitions: `npx tsx scripts/generate-kibana-objects.ts`.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { toDashboardDocs } from './kibana/dashboard-docs.ts';
import { toDashboardObjects, toHeadObject } from './kibana/dashboard-objects.ts';
import { DefinitionError, type Definitions, definitionsFolder, readDefinitions } from './kibana/definitions.ts';
import { toIndexPattern } from './kibana/index-pattern.ts';
import { type SavedObject, toNdjson } from './kibana/saved-object.ts';

export const savedObjectsFile = join(definitionsFolder, 'weir.ndjson');
export const dashboardDocsFile = fileURLToPath(new URL('../docs/dashboards.md', import.meta.url));

export function toSavedObjects(definitions: Definitions): SavedObject[] {
  return [
    ...[...definitions.sources.values()].map((source) => toIndexPattern(source, definitions.formats[source.name])),
    toHeadObject(definitions),
    ...definitions.dashboards.flatMap((dashboard) => toDashboardObjects(dashboard, definitions)),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    const definitions = readDefinitions();
    writeFileSync(savedObjectsFile, toNdjson(toSavedObjects(definitions)));
    writeFileSync(dashboardDocsFile, toDashboardDocs(definitions));
  } catch (error) {
    if (!(error instanceof DefinitionError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
