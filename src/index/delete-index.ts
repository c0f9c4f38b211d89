// Deletes one index. Several workers may want that at once.

import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { readAnswer } from './server-answer.ts';

/** False: another worker was quicker. Throws WeirError when the server does not answer, or refuses. */
export async function deleteIndex(client: ElasticsearchClient, name: string, signal: AbortSignal): Promise<boolean> {
  const answer = await client.request({ method: 'DELETE', path: `/${encodeURIComponent(name)}` }, signal);
  if (answer.status === 404) return false;
  readAnswer(answer, { what: `delete the index ${name}`, privilege: 'the privilege "delete_index" on it' });
  return true;
}
