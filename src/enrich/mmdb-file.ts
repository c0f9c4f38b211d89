// Opens MaxMind DB files: a path in, look-ups by address text out. A file that is missing or no database is a WeirError;
// a look-up that meets garbage inside the file finds nothing, and is told.

import { Reader, type Response } from 'maxmind';
import { WeirError } from '../model/errors.ts';
import { limitRecords, requireSmallMetadata } from './mmdb-limits.ts';
import { keepOrRest } from './resting-file.ts';
import { type FileProblem, readWholeFile } from './whole-file.ts';

export interface MmdbFile {
  readonly path: string;
  /** Look-ups that met garbage. */
  readonly faults: number;
  readonly databaseType: string;
  readonly builtAtMs: number;
  /** The record of a canonical address; undefined: not in the database. */
  lookup(address: string, version: 4 | 6): Readonly<Record<string, unknown>> | undefined;
  /** Also the length of the network around an IPv4 address that has this record, or none; 32 where the file is damaged. */
  lookupNetwork(address: string): {
    readonly record: Readonly<Record<string, unknown>> | undefined;
    readonly prefixLength: number;
  };
  /** After it a database that rests finds nothing any more. */
  close(): void;
}

/** Node reads no larger file into one Buffer; the largest database known (DB-IP City, paid) has 0.5 GB. */
const maxFileBytes = 2 ** 31 - 1;

/** Told of each look-up that met garbage. */
export type NoteMmdbFault = (path: string, reason: string) => void;

export interface MmdbFileOptions {
  readonly noteFault?: NoteMmdbFault | undefined;
  /** Takes no memory while nobody asks. For files that nobody writes to: those that came with weir. */
  readonly rests?: boolean;
}

/** `option` names the step's setting in messages. */
export async function openMmdbFile(
  path: string,
  option: string,
  { noteFault, rests = false }: MmdbFileOptions = {},
): Promise<MmdbFile> {
  const opened = await openReader(path, option);
  const { databaseType, buildEpoch, ipVersion } = opened.metadata;
  const readers = keepOrRest({ path, rests, content: opened, read: toReader });
  let faults = 0;

  function fault(error: unknown): void {
    faults += 1;
    noteFault?.(path, error instanceof Error ? error.message : String(error));
  }

  function lookup(address: string, version: 4 | 6): Readonly<Record<string, unknown>> | undefined {
    // An IPv4 tree would take the first 32 bits of an IPv6 address for an IPv4 address.
    if (version === 6 && ipVersion === 4) return undefined;
    try {
      return toRecord(readers.content().get(address));
    } catch (error) {
      fault(error);
      return undefined;
    }
  }

  function lookupNetwork(address: string): ReturnType<MmdbFile['lookupNetwork']> {
    try {
      const [record, prefixLength]: [unknown, number] = readers.content().getWithPrefixLength(address);
      return { record: toRecord(record), prefixLength: Math.min(32, Math.max(0, prefixLength)) };
    } catch (error) {
      fault(error);
      return { record: undefined, prefixLength: 32 };
    }
  }

  return {
    path,
    databaseType,
    builtAtMs: buildEpoch.getTime(),
    get faults() {
      return faults;
    },
    lookup,
    lookupNetwork,
    close: readers.close,
  };
}

async function openReader(path: string, option: string): Promise<Reader<Response>> {
  const bytes = await readWhole(path, option);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    throw invalid(path, option, 'is compressed', 'Unpack it first: `gunzip FILE`.');
  }
  try {
    // No cache: each address is looked up once, then its facts are cached.
    const reader = toReader(bytes);
    const { nodeCount, searchTreeSize, ipVersion, recordSize } = reader.metadata;
    const isComplete = nodeCount > 0 && searchTreeSize < bytes.length && (ipVersion === 4 || ipVersion === 6);
    if (!isComplete) throw new Error(`${nodeCount} nodes of ${recordSize} bits in ${bytes.length} bytes`);
    // Walks the tree on both of its sides: damage there shows now and not in the first flows.
    for (const address of ['1.1.1.1', '203.0.114.1']) reader.get(address);
    return reader;
  } catch (cause) {
    throw invalid(path, option, 'is not a whole MaxMind DB (.mmdb) file', 'Download it again, or name another.', cause);
  }
}

function toReader(bytes: Buffer): Reader<Response> {
  requireSmallMetadata(bytes);
  const reader = new Reader<Response>(bytes);
  limitRecords((reader as unknown as { readonly decoder: { decode: (offset: number) => unknown } }).decoder, bytes);
  return reader;
}

async function readWhole(path: string, option: string): Promise<Buffer> {
  let found: Buffer | FileProblem;
  try {
    found = await readWholeFile(path, maxFileBytes);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    throw new WeirError('file-missing', `${option}: the file ${path} ${reason}`, {
      hint: `Name an existing .mmdb file, or leave \`${option}\` out for the database that came with weir.`,
      context: { option, path },
      cause,
    });
  }
  if (typeof found !== 'string') return found;
  throw invalid(path, option, found, 'Name a .mmdb file below 2 GiB that is there as a whole.');
}

function invalid(path: string, option: string, problem: string, hint: string, cause?: unknown): WeirError {
  return new WeirError('file-invalid', `${option}: ${path} ${problem}`, { hint, context: { option, path }, cause });
}

/** Undefined where there is none. Throws for what is no mapping: no source has such records. */
function toRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (value === null || value === undefined) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) throw new TypeError('a record is no mapping');
  return value as Readonly<Record<string, unknown>>;
}
