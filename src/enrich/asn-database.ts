// The AS database: address in, number and text of its autonomous system out. The one that comes with the install is made
// from its package (asn-ranges.ts) once, and kept.

import { randomUUID } from 'node:crypto';
import { lstat, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WeirError } from '../model/errors.ts';
import type { AutonomousSystem } from './address-facts.ts';
import { toIPv4Text } from './address-text.ts';
import { buildAsnDatabase, packageFolder, packageVersion } from './asn-ranges.ts';
import { type MmdbFile, type MmdbFileOptions, openMmdbFile } from './mmdb-file.ts';
import { requireKind } from './mmdb-kind.ts';

/** Part of the file's name: a change of what we write makes a new file. */
const formatVersion = 1;

export interface AsnDatabase {
  lookup(address: string, version: 4 | 6): AutonomousSystem | undefined;
  /** By its number; where the database was not opened for that or has no name, the number is all there is. */
  system(asn: number): AutonomousSystem;
  close(): void;
}

export interface AsnDatabaseOptions extends MmdbFileOptions {
  /** Also the names by number: a walk through the whole database when it is opened. */
  readonly readsNames?: boolean;
}

/** Several files: some sources have one for IPv4 and one for IPv6; the first that knows the address answers. */
export async function openAsnDatabase(
  paths: readonly string[],
  option: string,
  { readsNames = false, ...options }: AsnDatabaseOptions = {},
): Promise<AsnDatabase> {
  const files = await Promise.all(paths.map((path) => openMmdbFile(path, option, options)));
  const close = (): void => {
    for (const file of files) file.close();
  };
  try {
    for (const file of files) {
      requireKind(file, option, {
        fits: (record) => toAutonomousSystem(record) !== undefined,
        what: 'autonomous systems',
        hint: 'Name an AS database, such as GeoLite2-ASN or DB-IP ASN.',
      });
    }
  } catch (error) {
    close();
    throw error;
  }
  const systems = new Map<number, AutonomousSystem>();
  if (readsNames) for (const file of files) await addSystems(systems, file);

  function lookup(address: string, version: 4 | 6): AutonomousSystem | undefined {
    for (const file of files) {
      const record = file.lookup(address, version);
      if (record !== undefined) return toAutonomousSystem(record);
    }
    return undefined;
  }

  function system(asn: number): AutonomousSystem {
    return systems.get(asn) ?? { asn, text: String(asn) };
  }

  return {
    lookup,
    system,
    close,
  };
}

/** 120,000 numbers are given out. */
const maxSystems = 262_144;
/** The Internet's IPv4 has some 400,000 networks; a file that has each address apart is given up here. */
const maxNetworks = 4_194_304;
const networksPerTurn = 10_000;

/** Goes through IPv4 network by network: nearly every system has some. Others have their name where the address tells it. */
async function addSystems(systems: Map<number, AutonomousSystem>, file: MmdbFile): Promise<void> {
  let address = 0;
  for (let networks = 1; address < 2 ** 32 && networks <= maxNetworks && systems.size < maxSystems; networks++) {
    const { record, prefixLength } = file.lookupNetwork(toIPv4Text(address));
    const system = record === undefined ? undefined : toAutonomousSystem(record);
    if (system?.asn !== undefined && !systems.has(system.asn)) systems.set(system.asn, system);
    const size = 2 ** (32 - prefixLength);
    address = (Math.floor(address / size) + 1) * size;
    if (networks % networksPerTurn === 0) await setImmediate();
  }
}

/** GeoLite2, DB-IP and ip-location-db name the two fields alike. AS 0 is nobody's (RFC 7607). */
function toAutonomousSystem(record: Readonly<Record<string, unknown>>): AutonomousSystem | undefined {
  const number = Number(record['autonomous_system_number'] ?? 0);
  const name = record['autonomous_system_organization'];
  const asn = Number.isInteger(number) && number > 0 && number < 2 ** 32 ? number : undefined;
  const organisation = typeof name === 'string' && name !== '' ? name : undefined;
  if (asn === undefined) return organisation === undefined ? undefined : { asn, text: organisation };
  return { asn, text: organisation === undefined ? String(asn) : `${organisation} (${asn})` };
}

/** The database that came with the install. A kept file that turns out damaged is made again. */
export async function openShippedAsnDatabase(option: string, options: AsnDatabaseOptions = {}): Promise<AsnDatabase> {
  const path = await ensureAsnDatabase();
  const resting = { ...options, rests: true };
  try {
    return await openAsnDatabase([path], option, resting);
  } catch {
    await rm(path, { force: true });
    return openAsnDatabase([await ensureAsnDatabase()], option, resting);
  }
}

/** Below dist/, seen from src/enrich/ and from dist/enrich/ alike. */
const installFolder = fileURLToPath(new URL('../../dist/databases/', import.meta.url));
/** -1 on Windows. */
const userId = process.getuid?.() ?? -1;

export interface AsnSourceOptions {
  /** Folder of the unpacked CSV package. */
  readonly sourceFolder?: string;
  /** Where the file may be kept, best first. */
  readonly folders?: readonly string[];
}

/** The path of the database, which is made if it is not there yet (a few seconds). Safe in two processes at once. */
export async function ensureAsnDatabase({
  sourceFolder = packageFolder(),
  folders = [installFolder, join(tmpdir(), `weir-databases-${userId}`)],
}: AsnSourceOptions = {}): Promise<string> {
  const version = await packageVersion(sourceFolder);
  const fileName = `asn-${version}-${formatVersion}.mmdb`;
  for (const folder of folders) {
    const path = join(folder, fileName);
    if ((await isFile(path)) && (await isTrusted(folder))) return path;
  }
  const bytes = await buildAsnDatabase(sourceFolder, version);
  let lastError: unknown;
  for (const folder of folders) {
    try {
      return await store(folder, fileName, bytes);
    } catch (error) {
      lastError = error;
    }
  }
  throw new WeirError('folder-unwritable', `the AS database can be kept in none of: ${folders.join(', ')}`, {
    hint: 'Make one of these folders writable, run `npm run build` as its owner, or name a database: `asn: { database: FILE }`.',
    cause: lastError,
  });
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() === true;
}

/** The install folder is as good as the code in it; among temporary files, somebody else could have made a folder of our name. */
async function isTrusted(folder: string): Promise<boolean> {
  if (folder === installFolder) return true;
  const found = await lstat(folder).catch(() => undefined);
  return found?.isDirectory() === true && (userId === -1 || found.uid === userId || found.uid === 0);
}

/** Written under another name, on disk, then renamed: whoever sees the file sees all of it. */
async function store(folder: string, fileName: string, bytes: Buffer): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  if (!(await isTrusted(folder))) throw new Error(`${folder} belongs to another user`);
  const path = join(folder, fileName);
  const unfinished = join(folder, `${fileName}.${randomUUID()}.tmp`);
  try {
    const file = await open(unfinished, 'wx', 0o644);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
  await removeOlder(folder, fileName);
  return path;
}

/** Files of earlier package versions. Whoever reads one has it in memory. */
async function removeOlder(folder: string, fileName: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (/^asn-.*\.mmdb$/.test(name) && name !== fileName)
      await rm(join(folder, name), { force: true }).catch(() => undefined);
  }
}
