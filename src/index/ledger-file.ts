// The ledger without Elasticsearch: ledger/ledger-<month>.ndjson in the folder of the flows, where no reader of flows looks. A page is
// one write; a line that was cut off, and a document that a second attempt wrote again, are left out by whoever reads (by `id`).

import { createReadStream } from 'node:fs';
import { appendFile, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WeirError } from '../model/errors.ts';
import type { LedgerPage } from '../model/ledger-row.ts';
import { type LedgerWriter, toLedgerDocuments } from './ledger-documents.ts';
import { toFailureText } from './ndjson-file-system.ts';

const folderName = 'ledger';
/** As `toLedgerDocuments` writes it. */
const timePattern = /"@timestamp":"(\d{4}-[^"]+Z)"/;
/** Less the umask. */
const fileMode = 0o644;
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
          await appendFile(join(folder, `ledger-${month}.ndjson`), isCutOff ? `\n${lines}` : lines, { mode: fileMode });
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

export interface LedgerFilesQuestion {
  readonly pipeline: string;
  /** Minutes before are left out. */
  readonly sinceMs: number;
}

type Document = Readonly<Record<string, unknown>>;

/** Documents, each once, line by line: a month of many exporters has gigabytes. An absent folder has none. Throws WeirError. */
export async function* readLedgerFiles(
  directory: string,
  { pipeline, sinceMs }: LedgerFilesQuestion,
): AsyncGenerator<Document, void, void> {
  const folder = join(directory, folderName);
  const since = new Date(sinceMs).toISOString();
  const firstName = `ledger-${since.slice(0, 7).replace('-', '.')}.ndjson`;
  try {
    for (const name of await listFiles(folder)) {
      if (name < firstName) continue;
      const isNew = createPageWatch();
      for await (const line of createInterface({ input: createReadStream(join(folder, name)), crlfDelay: Infinity })) {
        // Most lines of a month are older than what is asked for: only their times are read.
        const time = timePattern.exec(line)?.[1];
        if (time === undefined || time < since) continue;
        const document = toDocument(line);
        if (document?.['pipeline'] === pipeline && isNew(String(document['id']))) yield document;
      }
    }
  } catch (error) {
    throw new WeirError('file-invalid', `${folder} can’t be read: ${toFailureText(error)}`, { cause: error });
  }
}

async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => namePattern.test(name)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Rows of a page stand in their order, and begin anew where the page was written again: what is not behind the last one was there. */
function createPageWatch(): (id: string) => boolean {
  const lastRows = new Map<string, number>();
  return (id) => {
    const end = id.lastIndexOf('-');
    const [page, row] = [id.slice(0, end), Number.parseInt(id.slice(end + 1), 36)];
    if (row <= (lastRows.get(page) ?? -1)) return false;
    lastRows.set(page, row);
    return true;
  };
}

function toDocument(line: string): Document | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null && 'id' in value ? (value as Document) : undefined;
  } catch {
    return undefined;
  }
}
