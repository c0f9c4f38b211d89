// Is this a Kibana that can import, is it ready, and is the space there? `GET /api/status` says it in every 7.x.

import { setTimeout as sleep } from 'node:timers/promises';
import { WeirError } from '../model/errors.ts';
import { type KibanaClient, toRefusal } from './kibana-client.ts';
import { asRecord } from './server-answer.ts';
import { toShortText } from './short-text.ts';

const askAgainMs = 1000;

/** The version. Waits for a Kibana that is still starting, `waitMs` at most. Throws WeirError. */
export async function readKibanaVersion(client: KibanaClient, waitMs: number, signal: AbortSignal): Promise<string> {
  const what = 'show its status';
  for (let waitedMs = 0; ; waitedMs += askAgainMs) {
    const answer = await client.ask({ method: 'GET', path: '/api/status', isGlobal: true }, signal);
    const { status, json } = answer;
    if (status === 200) return checkVersion(json, toRefusal(answer, what, client.address), client.address);
    // Also red: Kibana says 503 with all of its status then.
    if (![429, 502, 503, 504].includes(status)) throw toRefusal(answer, what, client.address);
    if (waitedMs >= waitMs)
      throw new WeirError(
        'kibana-unavailable',
        `Kibana at ${client.address}: not ready after ${Math.round(waitMs / 1000)} s (HTTP ${status})`,
        {
          retryable: true,
          hint: 'Its log says what it waits for; mostly it is Elasticsearch. Then run weir setup again.',
        },
      );
    await sleep(askAgainMs, undefined, { signal });
  }
}

function checkVersion(json: unknown, strange: WeirError, address: string): string {
  const version = asRecord(asRecord(json)?.['version'])?.['number'];
  const [, major, minor] = (typeof version === 'string' && /^(\d+)\.(\d+)\./.exec(version)) || [];
  if (typeof version !== 'string' || major === undefined) throw strange;
  if (major === '7' && Number(minor) >= 3 && Number(minor) <= 17) return version;
  throw new WeirError('kibana-refused', `Kibana at ${address}: it is version ${toShortText(version, 20)}`, {
    hint: 'The dashboards are for Kibana 7.3 to 7.17: name such a one in kibana: url (--kibana).',
  });
}

/** Kibana imports into a space that does not exist, where nobody ever sees it: so it is asked first. */
export async function checkSpace(client: KibanaClient, signal: AbortSignal): Promise<void> {
  const { space, address } = client;
  if (space === 'default') return;
  const answer = await client.ask({ method: 'GET', path: `/api/spaces/space/${space}`, isGlobal: true }, signal);
  if (answer.status === 200 && asRecord(answer.json)?.['id'] === space) return;
  if (answer.status !== 404) throw toRefusal(answer, `see the space ${space}`, address);
  throw new WeirError('kibana-refused', `Kibana at ${address}: there is no space "${space}" (HTTP 404)`, {
    hint: 'Correct kibana: space (--kibana-space): its name as the URL has it after /s/. OSS builds have no spaces.',
  });
}
