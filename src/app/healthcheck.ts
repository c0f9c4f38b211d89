// `weir healthcheck`: asks the weir of a pipeline file, on this machine, whether it is ready (or alive), for orchestrators and scripts.

import type { PipelineFile } from '../enrich/pipeline-file.ts';
import { WeirError } from '../model/errors.ts';

export interface Health {
  readonly isGood: boolean;
  /** One line, without its end. */
  readonly line: string;
}

/** Docker and Kubernetes give a check some seconds; weir answers /readyz within one. */
const answerLimitMs = 3000;

/** Throws WeirError where the file turns HTTP off. */
export async function checkHealth({ path, telemetry }: PipelineFile, question: 'livez' | 'readyz'): Promise<Health> {
  const { http } = telemetry;
  if (http === undefined || http.port === 0) {
    throw new WeirError('pipeline-invalid', `${path}: telemetry.http names no address and port that could be asked`, {
      hint: 'Write telemetry: { http: "127.0.0.1:8081" }.',
    });
  }
  const { host, port, token, username, password } = http;
  const url = `http://${toReachableHost(host)}:${port}/${question}`;
  const basic = username === undefined ? undefined : Buffer.from(`${username}:${password ?? ''}`).toString('base64');
  const authorization = token !== undefined ? `Bearer ${token}` : basic && `Basic ${basic}`;
  try {
    const signal = AbortSignal.timeout(answerLimitMs);
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await fetch(url, { signal, redirect: 'error', headers });
    const text = await answer.text();
    if (answer.status === 200) return { isGood: true, line: question === 'livez' ? 'alive' : 'ready' };
    return {
      isGood: false,
      line: `not ${question === 'livez' ? 'alive' : 'ready'}: ${toReasons(text) ?? `HTTP ${answer.status}`}`,
    };
  } catch (error) {
    return { isGood: false, line: `no answer from ${url}: ${toReason(error)}` };
  }
}

/** All addresses of a machine are reached at its own. */
function toReachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

/** "queue no answer in time; index …": what is not well. */
function toReasons(text: string): string | undefined {
  try {
    const { checks } = JSON.parse(text) as { checks?: Readonly<Record<string, unknown>> };
    const wrong = Object.entries(checks ?? {}).filter(([, result]) => result !== 'ok');
    return wrong.length === 0 ? undefined : wrong.map(([what, result]) => `${what}: ${String(result)}`).join('; ');
  } catch {
    return undefined;
  }
}

function toReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `none within ${answerLimitMs / 1000} s`;
  const { cause } = error;
  return cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : error.message;
}
