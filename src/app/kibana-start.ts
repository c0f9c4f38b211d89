// The dashboards into the Kibana of the pipeline file at the start of `run` and `work`, while flows go their way: again and again while
// Kibana is away, once where it refuses.

import { setTimeout as sleep } from 'node:timers/promises';
import type { KibanaTarget } from '../enrich/kibana-section.ts';
import { WeirError } from '../model/errors.ts';
import type { Logger } from '../telemetry/logger.ts';
import { setupKibana } from './kibana-setup.ts';

export interface KibanaStartOptions {
  readonly target: KibanaTarget;
  readonly logger: Logger;
  /** From 0 to 1: workers that start together ask at different moments. */
  readonly random?: () => number;
  readonly firstPauseMs?: number;
}

export interface KibanaStart {
  start(): void;
  stop(): Promise<void>;
}

const defaultFirstPauseMs = 5000;
const longestPauseMs = 600_000;

export function createKibanaStart({
  target,
  logger,
  random = Math.random,
  firstPauseMs = defaultFirstPauseMs,
}: KibanaStartOptions): KibanaStart {
  const stopping = new AbortController();
  const { signal } = stopping;
  let active: Promise<void> | undefined;

  async function tryUntilTaken(): Promise<void> {
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(longestPauseMs, 2 * pauseMs)) {
      await sleep(pauseMs * random(), undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted || (await isSettled())) return;
    }
  }

  async function isSettled(): Promise<boolean> {
    try {
      const [server, ...lines] = await setupKibana(target, { dryRun: false, force: false, signal });
      logger.info({ server, objects: lines }, 'the dashboards are in Kibana');
      return true;
    } catch (error) {
      if (signal.aborted) return true;
      const { message, hint, retryable } =
        error instanceof WeirError ? error : { message: String(error), hint: undefined, retryable: false };
      const about = { reason: message, ...(hint !== undefined && { hint }) };
      if (retryable) logger.warn(about, 'the dashboards wait for Kibana');
      else logger.error(about, 'the dashboards are not in Kibana; mend it, then run weir setup');
      return !retryable;
    }
  }

  return {
    start() {
      active = tryUntilTaken();
    },
    async stop() {
      stopping.abort();
      await active;
    },
  };
}
