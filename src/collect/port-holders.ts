// Whose sockets are on a port of this machine, as far as /proc tells: all of our own user's, and everybody's when asked by root.

import { readdir, readFile, readlink } from 'node:fs/promises';

export interface PortHolder {
  readonly pid: number;
  /** The program's name, as the kernel has it. */
  readonly name: string;
  /** Its arguments. */
  readonly command: readonly string[];
}

export interface PortSockets {
  /** Sockets that are bound to the port (TCP: that listen). */
  readonly count: number;
  readonly holders: readonly PortHolder[];
}

/** More processes than a machine of this kind has. */
const maxProcesses = 20_000;
/** TCP_LISTEN. */
const listening = '0A';

/** Undefined where there is no /proc that says it. */
export async function readPortSockets(
  port: number,
  transport: 'udp' | 'tcp',
  procFolder = '/proc',
): Promise<PortSockets | undefined> {
  const tables = await Promise.all(
    [transport, `${transport}6`].map((name) => readFile(`${procFolder}/net/${name}`, 'latin1').catch(() => undefined)),
  );
  const present = tables.filter((table) => table !== undefined);
  if (present.length === 0) return undefined;
  const inodes = new Set<string>();
  for (const line of present.flatMap((table) => table.split('\n').slice(1))) {
    const columns = line.trim().split(/ +/);
    const at = Number.parseInt(columns[1]?.split(':')[1] ?? '', 16);
    const inode = columns[9] ?? '';
    if (at === port && /^[1-9]\d*$/.test(inode) && (transport === 'udp' || columns[3] === listening)) inodes.add(inode);
  }
  return { count: inodes.size, holders: inodes.size === 0 ? [] : await findHolders(inodes, procFolder) };
}

async function findHolders(inodes: ReadonlySet<string>, procFolder: string): Promise<readonly PortHolder[]> {
  const pids = (await readdir(procFolder).catch(() => [])).filter((name) => /^\d+$/.test(name)).slice(0, maxProcesses);
  const holders: PortHolder[] = [];
  for (const pid of pids) {
    // Of others' processes we may not know it; some end while we look.
    const descriptors = await readdir(`${procFolder}/${pid}/fd`).catch(() => []);
    const targets = await Promise.all(
      descriptors.map((name) => readlink(`${procFolder}/${pid}/fd/${name}`).catch(() => '')),
    );
    if (!targets.some((target) => inodes.has(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? ''))) continue;
    const [name, command] = await Promise.all(
      ['comm', 'cmdline'].map((file) => readFile(`${procFolder}/${pid}/${file}`, 'utf8').catch(() => '')),
    );
    holders.push({ pid: Number(pid), name: (name ?? '').trim(), command: (command ?? '').split('\0').slice(0, -1) });
  }
  return holders;
}
