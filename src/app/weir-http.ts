// Asks the weir that runs with a pipeline file on this machine, by its HTTP address.

import type { TelemetrySettings } from '../enrich/telemetry-section.ts';

export interface WeirAnswer {
  readonly url: string;
  /** Undefined: none, and `reason` says why. */
  readonly answer?: { readonly status: number; readonly text: string };
  readonly reason?: string;
}

/** Docker and Kubernetes give a check some seconds; weir answers /readyz within one. */
const answerLimitMs = 3000;
/** Metrics of a thousand exporters are 4 MB; more is somebody else's. */
const maxAnswerBytes = 32 * 1024 * 1024;

export async function askWeir(http: NonNullable<TelemetrySettings['http']>, path: string): Promise<WeirAnswer> {
  const { host, port, token, username, password } = http;
  const url = `http://${toReachableHost(host)}:${port}${path}`;
  const basic = username === undefined ? undefined : Buffer.from(`${username}:${password ?? ''}`).toString('base64');
  const authorization = token !== undefined ? `Bearer ${token}` : basic && `Basic ${basic}`;
  try {
    const signal = AbortSignal.timeout(answerLimitMs);
    const headers = authorization === undefined ? {} : { authorization };
    const answer = await fetch(url, { signal, redirect: 'error', headers });
    return { url, answer: { status: answer.status, text: await readText(answer) } };
  } catch (error) {
    return { url, reason: toReason(error) };
  }
}

/** `queue: no answer in time; index: …`: what is not well, by an answer to /readyz. Undefined: it does not say. */
export function toNotReadyText(text: string): string | undefined {
  try {
    const { checks } = JSON.parse(text) as { checks?: Readonly<Record<string, unknown>> };
    const wrong = Object.entries(checks ?? {}).filter(([, result]) => result !== 'ok');
    return wrong.length === 0 ? undefined : wrong.map(([what, result]) => `${what}: ${String(result)}`).join('; ');
  } catch {
    return undefined;
  }
}

async function readText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.length;
    if (length > maxAnswerBytes) throw new Error(`more than ${maxAnswerBytes >> 20} MB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** All addresses of a machine are reached at its own. */
function toReachableHost(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::') return '[::1]';
  return host.includes(':') ? `[${host}]` : host;
}

function toReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `none within ${answerLimitMs / 1000} s`;
  const { cause } = error;
  return cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : error.message;
}
