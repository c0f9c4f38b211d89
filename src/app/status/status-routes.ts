// The paths that the status page asks: JSON, read-only.

import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import { type HttpRoute, json, plain } from '../../telemetry/http.ts';
import type { DocumentTail } from './document-tail.ts';
import type { Status } from './status.ts';

export interface StatusRoutesOptions {
  readonly status: Status;
  readonly tail: DocumentTail;
  /** In effect. */
  readonly file: () => PipelineFile;
  readonly now: () => number;
}

export function createStatusRoutes({ status, tail, file, now }: StatusRoutesOptions): Map<string, HttpRoute> {
  return new Map<string, HttpRoute>([
    ['/api/status', { answer: async () => json(200, await status.report()) }],
    ['/api/history', { answer: () => json(200, status.history()) }],
    [
      '/api/tail',
      {
        answer({ query }) {
          const page = tail.read(query.get('filter') ?? '', Number(query.get('after') ?? 0) || 0, now());
          if (page === undefined) return plain(400, 'a filter has at most 10 words and 200 letters');
          return json(200, page);
        },
      },
    ],
    [
      '/api/config',
      {
        async answer() {
          // Loaded when somebody asks: start-up counts.
          const { toEffectiveYaml } = await import('../../enrich/effective-file.ts');
          const { stepCatalog } = await import('../../enrich/step-catalog.ts');
          return plain(200, toEffectiveYaml(file(), stepCatalog));
        },
      },
    ],
  ]);
}
