// How old are the databases of places and autonomous systems?

import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import { WeirError } from '../../model/errors.ts';
import type { Finding } from '../../model/finding.ts';
import { silentLogger } from '../../telemetry/logger.ts';
import { toFinding } from '../findings/catalog.ts';
import { openPipeline } from '../steps.ts';
import type { Check } from './check.ts';

const dayMs = 24 * 3_600_000;
/** They come out monthly, or weekly. */
const maxAgeMs = 60 * dayMs;
/** npm gives all files of a package the same day in 1985. */
const firstBelievedMs = Date.UTC(2015, 0);

export function checkDatabases(file: PipelineFile, nowMs: number): readonly Check[] {
  const steps = file.steps.filter(({ name }) => name === 'geoip' || name === 'asn');
  if (steps.length === 0) return [];
  return [
    {
      what: 'databases of places and networks',
      async run() {
        const ages = await readAges({ ...file, steps });
        const findings: Finding[] = [];
        for (const { path, builtAtMs } of ages) {
          const ageMs = nowMs - builtAtMs;
          if (ageMs > maxAgeMs)
            findings.push(toFinding('database-old', { file: path, days: Math.floor(ageMs / dayMs) }));
        }
        const days = ages.map(({ builtAtMs }) => Math.max(0, Math.floor((nowMs - builtAtMs) / dayMs)));
        return { findings, said: days.length === 0 ? 'no file tells its age' : `${days.join(', ')} days old` };
      },
    },
  ];
}

async function readAges(file: PipelineFile): Promise<readonly { readonly path: string; readonly builtAtMs: number }[]> {
  const { openMmdbFile } = await import('../../enrich/mmdb-file.ts');
  const { countryDatabasePath } = await import('../../enrich/geo-database.ts');
  const pipeline = await openPipeline(file, { logger: silentLogger, isOffline: true });
  try {
    const named = pipeline.dataFiles();
    const hasOwn = named.some(({ step }) => step === 'geoip');
    const shipped = file.steps.some(({ name }) => name === 'geoip') && !hasOwn ? [countryDatabasePath()] : [];
    const files = [...named, ...shipped.map((path) => ({ path, modifiedAtMs: 0 }))];
    const ages = await Promise.all(
      files.map(async ({ path, modifiedAtMs }) => {
        // The day in it goes before that of the file.
        const builtAtMs = await openMmdbFile(path, 'database').then(
          (opened) => opened.builtAtMs,
          (error: unknown) => {
            if (!(error instanceof WeirError)) throw error;
            return modifiedAtMs;
          },
        );
        return { path, builtAtMs };
      }),
    );
    return ages.filter(({ builtAtMs }) => builtAtMs >= firstBelievedMs);
  } finally {
    await pipeline.close();
  }
}
