// What monitoring asks: /metrics, /livez (this process answers), /readyz (it can do its work now, or why not).

import { type HttpRoute, json } from './http.ts';
import type { Metrics } from './metrics.ts';

export interface Readiness {
  readonly isReady: boolean;
  /** Part of weir → "ok", or what is wrong with it. */
  readonly checks: Readonly<Record<string, string>>;
}

export interface TelemetryRoutesOptions {
  readonly metrics: Metrics;
  readonly readReadiness: () => Promise<Readiness>;
}

export function createTelemetryRoutes({ metrics, readReadiness }: TelemetryRoutesOptions): Map<string, HttpRoute> {
  return new Map<string, HttpRoute>([
    [
      '/metrics',
      {
        async answer({ accept }) {
          return { status: 200, ...(await metrics.toText(accept)) };
        },
      },
    ],
    ['/livez', { isOpen: true, answer: () => json(200, { alive: true }) }],
    [
      '/readyz',
      {
        isOpen: true,
        async answer({ isTrusted }) {
          const { isReady, checks } = await readReadiness();
          // Reasons name servers: only for those who may know.
          return json(isReady ? 200 : 503, { ready: isReady, ...(isTrusted && { checks }) });
        },
      },
    ],
  ]);
}
