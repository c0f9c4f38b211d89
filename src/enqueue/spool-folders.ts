// Who owns which folder of a spool. Every process writes in a folder of its own below one that several may share, and takes
// over the folders of processes that are gone. No clock decides: an owner lives as long as its process is there or, where
// that can't be seen (another machine, another container), as long as its beat changes.

import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, readFile, readlink, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

const ownerFile = 'owner';
export const beatEveryMs = 5000;
/** Looks at a foreign folder, `beatEveryMs` apart, in which its beat must not have changed before it is taken over. */
const looksWithoutBeat = 6;

interface Owner {
  readonly host: string;
  /** Of the processes that `pid` counts in; the number alone means nothing in another container. */
  readonly pidNamespace: string | undefined;
  readonly pid: number;
  /** When the process began, in the kernel's own count: a pid comes again, with it never. */
  readonly began: string | undefined;
  readonly beat: number;
}

export interface SpoolFolders {
  /** Makes a folder of our own and returns its path. */
  open(): Promise<string>;
  /** Shows that we live; also looks whether the others do. Call it every `beatEveryMs`. */
  beat(): Promise<void>;
  /** Takes over one folder whose owner is gone: a path inside ours that nobody else has, or undefined when there is none. */
  takeOver(): Promise<string | undefined>;
  /** Leaves the folder to whoever comes next. */
  close(): Promise<void>;
}

export function createSpoolFolders(directory: string): SpoolFolders {
  let own = '';
  let owner: FileHandle | undefined;
  let beats = 0;
  let self: Omit<Owner, 'beat'> | undefined;
  const watched = new Map<string, { beat: number; looks: number }>();

  async function openOwn(): Promise<string> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    self = {
      host: hostname(),
      pidNamespace: await readlink('/proc/self/ns/pid').catch(() => undefined),
      pid: process.pid,
      began: await processBegan(process.pid),
    };
    await owner?.close();
    const name = randomBytes(8).toString('hex');
    // The folder appears with its owner in it, or not at all.
    const made = join(directory, `.${name}`);
    await mkdir(made, { mode: 0o700 });
    owner = await open(join(made, ownerFile), 'w', 0o600);
    await writeBeat();
    own = join(directory, name);
    await rename(made, own);
    return own;
  }

  async function writeBeat(): Promise<void> {
    beats += 1;
    // In place and of one length: a full disk must not stop it.
    const text = `${JSON.stringify({ ...self, beat: beats }).padEnd(510)}\n`;
    await owner?.write(text, 0);
  }

  async function beat(): Promise<void> {
    await writeBeat();
    for (const name of await others()) {
      const found = await readOwner(join(directory, name));
      const before = watched.get(name);
      const beatNow = found?.beat ?? 0;
      watched.set(name, { beat: beatNow, looks: before?.beat === beatNow ? before.looks + 1 : 0 });
    }
  }

  async function others(): Promise<string[]> {
    const names = await readdir(directory, { withFileTypes: true });
    const found = names.filter((entry) => entry.isDirectory() && /^[0-9a-f]{16}$/.test(entry.name));
    return found.map(({ name }) => name).filter((name) => join(directory, name) !== own);
  }

  async function isGone(name: string): Promise<boolean> {
    if ((watched.get(name)?.looks ?? 0) >= looksWithoutBeat) return true;
    const found = await readOwner(join(directory, name));
    // Closed in order, or never whole: a folder appears with its owner.
    if (found === undefined) return true;
    if (found.host !== self?.host || found.pidNamespace !== self.pidNamespace || found.began === undefined)
      return false;
    if (found.pid === self.pid && found.began === self.began) return false;
    return (await processBegan(found.pid)) !== found.began;
  }

  async function takeOver(): Promise<string | undefined> {
    for (const name of await others()) {
      if (!(await isGone(name))) continue;
      const taken = join(own, `from-${name}`);
      try {
        await rename(join(directory, name), taken);
      } catch {
        // Somebody else was quicker.
        continue;
      }
      watched.delete(name);
      return taken;
    }
    return undefined;
  }

  return {
    open: openOwn,
    beat,
    takeOver,
    async close() {
      await owner?.close();
      owner = undefined;
      if (own !== '') await rm(join(own, ownerFile), { force: true });
    },
  };
}

async function readOwner(folder: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, ownerFile), 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

/** Field 22 of proc(5)'s stat, behind the name, which may hold anything; undefined where there is no such process or no /proc. */
async function processBegan(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie is gone.
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
