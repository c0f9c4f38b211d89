// An answer that is not what was asked for → one WeirError: what was refused, the HTTP status, and what to do about it.

import { WeirError } from '../model/errors.ts';
import type { ElasticsearchAnswer } from './elasticsearch-client.ts';
import { toShortText } from './short-text.ts';

export interface Asked {
  /** "put the index template weir-flow" */
  readonly what: string;
  /** What the user's role needs for it: 'the cluster privilege "manage_index_templates"'. */
  readonly privilege: string;
}

/** Returns the JSON of a good answer. Throws WeirError: `sink-refused`, or `sink-unavailable` when waiting may mend it. */
export function readAnswer(answer: ElasticsearchAnswer, { what, privilege }: Asked): Readonly<Record<string, unknown>> {
  const { status, json } = answer;
  const good = asRecord(json);
  if (status >= 200 && status < 300 && good !== undefined) return good;
  if (status === 401) throw authenticationFailed();
  if (status === 403)
    throw new WeirError('sink-refused', `the user may not ${what} (HTTP 403${reasonOf(answer)})`, {
      hint: `Give its role ${privilege}.`,
    });
  throw json === undefined || status < 300 ? strangeAnswer(answer) : refusal(answer, what);
}

function refusal(answer: ElasticsearchAnswer, what: string): WeirError {
  const { status } = answer;
  if (status === 429 || status >= 500)
    return new WeirError('sink-unavailable', `HTTP ${status}${reasonOf(answer)}`, { retryable: true });
  if (isRedirect(status)) return strangeAnswer(answer);
  return new WeirError('sink-refused', `Elasticsearch does not ${what} (HTTP ${status}${reasonOf(answer)})`, {
    hint: 'weir needs Elasticsearch 7.',
  });
}

/** What no Elasticsearch says: a page of a proxy, a redirect to a sign-in, half an answer. */
export function strangeAnswer({ status, json, text, location }: ElasticsearchAnswer): WeirError {
  if (isRedirect(status))
    return new WeirError('sink-refused', `a redirect${toTarget(location)} (HTTP ${status})`, {
      hint: 'Name the address of Elasticsearch itself in index: elasticsearch: nodes.',
    });
  const what = json === undefined ? toShown(text) : 'JSON of another kind';
  if (status === 429 || status >= 500)
    return new WeirError('sink-unavailable', `HTTP ${status} with ${what}: a proxy in between?`, { retryable: true });
  return new WeirError('sink-refused', `what answers there is not Elasticsearch: ${what} (HTTP ${status})`, {
    hint: 'Is it a proxy, Kibana, or another server? Correct index: elasticsearch: nodes.',
  });
}

/** An answer that is not JSON, in a few words. */
export function toShown(text: string): string {
  return /^\s*</.test(text) ? 'an HTML page' : text === '' ? 'nothing' : `"${toShortText(text, 60)}"`;
}

/** The host only: paths of login pages hold tokens. */
export function toTarget(location: string | undefined): string {
  return URL.canParse(location ?? '') ? ` to ${toShortText(new URL(location ?? '').host)}` : '';
}

function isRedirect(status: number): boolean {
  return status >= 300 && status < 400;
}

export function authenticationFailed(): WeirError {
  return new WeirError('sink-refused', 'the server does not accept the user and password, or the API key (HTTP 401)', {
    hint: 'Correct username and password, or api_key, in index: elasticsearch; in a URL special characters are %XX.',
  });
}

function reasonOf({ json, text }: ElasticsearchAnswer): string {
  const reason = toErrorReason(json) ?? toShortText(text);
  return reason === '' ? '' : `: ${reason}`;
}

/** `error.reason` of an Elasticsearch answer as one short line. */
export function toErrorReason(json: unknown): string | undefined {
  const error = asRecord(json)?.['error'];
  const reason = typeof error === 'string' ? error : asRecord(error)?.['reason'];
  return typeof reason === 'string' ? toShortText(reason) : undefined;
}

/** The value as an object; undefined for anything else. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

/** The same error with the server's name before it. */
export function placed(error: WeirError, address: string): WeirError {
  return new WeirError(error.code, `Elasticsearch at ${address}: ${error.message}`, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    retryable: error.retryable,
  });
}
