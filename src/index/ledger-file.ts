// The ledger without Elasticsearch: ledger/ledger-<month>.ndjson in the folder of the flows, where no reader of flows looks. A page is
// one write; a line that was cut off, and a document that a second attempt wrote again, are left out by whoever reads (by `id`).

import { appendFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { WeirError } from '../model/errors.ts';
import type { LedgerPage } from '../model/ledger-row.ts';
import { type LedgerWriter, toLedgerDocuments } from './ledger-documents.ts';
import { toFailureText } from './ndjson-file-system.ts';

const folderName = 'ledger';
const namePattern = /^ledger-\d{4}\.\d\d\.ndjson$/;

export function createLedgerFile({ directory, pipeline }: { directory: string; pipeline: string }): LedgerWriter {
  const folder = join(directory, folderName);
  let isCutOff = false;
  return {
    async write(page: LedgerPage) {
      const byMonth = new Map<string, string>();
      for (const { id, month, text } of toLedgerDocuments(page, pipeline))
        byMonth.set(month, `${byMonth.get(month) ?? ''}{"id":${JSON.stringify(id)},${text.slice(1)}\n`);
      try {
        await mkdir(folder, { recursive: true });
        for (const [month, lines] of byMonth)
          await appendFile(join(folder, `ledger-${month}.ndjson`), isCutOff ? `\n${lines}` : lines);
        isCutOff = false;
      } catch (error) {
        isCutOff = true;
        throw new WeirError('sink-unavailable', `${directory} takes no ledger: ${toFailureText(error)}`, {
          retryable: true,
        });
      }
    },
  };
}

/** Documents of all months, each once. An absent folder has none. */
export async function readLedgerFiles(directory: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const folder = join(directory, folderName);
  const names = await readdir(folder).catch(() => [] as string[]);
  const documents = new Map<string, Readonly<Record<string, unknown>>>();
  for (const name of names.filter((each) => namePattern.test(each)).sort()) {
    for (const line of (await readFile(join(folder, name), 'utf8')).split('\n')) {
      const document = toDocument(line);
      if (document !== undefined) documents.set(String(document['id']), document);
    }
  }
  return [...documents.values()];
}

function toDocument(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'id' in value
      ? (value as Readonly<Record<string, unknown>>)
      : undefined;
  } catch {
    return undefined;
  }
}
