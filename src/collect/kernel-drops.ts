// Reads what the kernel says of our own UDP sockets: datagrams it dropped, bytes that wait. Linux only (proc(5), /proc/net/udp).
// A socket is known by its inode, not by its port: with SO_REUSEPORT another process may hold the same port.

import { readdir, readFile, readlink } from 'node:fs/promises';
import { endianness } from 'node:os';
import { toIpBytes } from './ip-bytes.ts';

/** A local address as `socket.address()` tells it: a numeric host. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

export interface SocketCounts {
  /** Datagrams dropped since the socket was opened, nearly always for want of room. Wraps at 2^32. */
  readonly drops: number;
  /** Memory that received and unread datagrams take now, in bytes. */
  readonly waitingBytes: number;
  /** Of the local address. */
  readonly port: number;
}

/** Inodes of this process' sockets with these local addresses; undefined where there is no /proc that says it. */
export async function readSocketInodes(
  addresses: readonly SocketAddress[],
  procFolder = '/proc',
): Promise<ReadonlySet<number> | undefined> {
  const ours = await readOwnSocketInodes(`${procFolder}/self/fd`);
  const lines = await readUdpTables(procFolder);
  if (ours === undefined || lines === undefined) return undefined;
  const wanted = new Set(addresses.map(toTableAddress));
  const inodes = new Set<number>();
  for (const line of lines) {
    const columns = toColumns(line);
    if (columns !== undefined && wanted.has(columns.address) && ours.has(columns.inode)) inodes.add(columns.inode);
  }
  return inodes;
}

/** The counts of these sockets by inode; a closed one is missing. Undefined where there is no /proc. */
export async function readKernelDrops(
  inodes: ReadonlySet<number>,
  procFolder = '/proc',
): Promise<ReadonlyMap<number, SocketCounts> | undefined> {
  const lines = await readUdpTables(procFolder);
  if (lines === undefined) return undefined;
  const counts = new Map<number, SocketCounts>();
  for (const line of lines) {
    const columns = toColumns(line);
    if (columns !== undefined && inodes.has(columns.inode)) counts.set(columns.inode, columns);
  }
  return counts;
}

/** The local address, as `toTableAddress` writes it, of each UDP socket of this network namespace, by inode. */
export async function readUdpSockets(procFolder = '/proc'): Promise<ReadonlyMap<number, string>> {
  const sockets = new Map<number, string>();
  for (const line of (await readUdpTables(procFolder)) ?? []) {
    const columns = toColumns(line);
    if (columns !== undefined) sockets.set(columns.inode, columns.address);
  }
  return sockets;
}

async function readOwnSocketInodes(folder: string): Promise<ReadonlySet<number> | undefined> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch {
    return undefined;
  }
  const inodes = new Set<number>();
  for (const name of names) {
    // A descriptor may be closed between the listing and the reading.
    const target = await readlink(`${folder}/${name}`).catch(() => '');
    if (target.startsWith('socket:[')) inodes.add(Number(target.slice('socket:['.length, -1)));
  }
  return inodes;
}

/** The lines of both tables; a kernel without IPv6 has one. */
async function readUdpTables(procFolder: string): Promise<readonly string[] | undefined> {
  const tables = await Promise.all(
    ['udp', 'udp6'].map((name) => readFile(`${procFolder}/net/${name}`, 'latin1').catch(() => undefined)),
  );
  const present = tables.filter((table) => table !== undefined);
  return present.length === 0 ? undefined : present.flatMap((table) => table.split('\n'));
}

// sl: local_address rem_address st tx_queue:rx_queue tr:tm->when retrnsmt uid timeout inode ref pointer drops
const localAddressColumn = 1;
const queuesColumn = 4;
const inodeColumn = 9;
const dropsColumn = 12;

function toColumns(line: string): (SocketCounts & { address: string; inode: number }) | undefined {
  const columns = line.trim().split(/ +/);
  const address = columns[localAddressColumn];
  const inode = Number(columns[inodeColumn]);
  const drops = Number(columns[dropsColumn]);
  const waitingBytes = Number.parseInt(columns[queuesColumn]?.split(':')[1] ?? '', 16);
  if (address === undefined || !Number.isSafeInteger(inode) || inode <= 0) return undefined;
  if (!Number.isSafeInteger(drops) || drops < 0 || !Number.isSafeInteger(waitingBytes)) return undefined;
  const port = Number.parseInt(address.split(':')[1] ?? '', 16);
  return { address, inode, drops, waitingBytes, port };
}

/** As the table writes it: each 32-bit word of the address in the machine's byte order, then the port, in upper-case hex. */
export function toTableAddress({ host, port }: SocketAddress): string {
  const bytes = toIpBytes(host);
  let text = '';
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.slice(at, at + 4);
    if (endianness() === 'LE') word.reverse();
    for (const byte of word) text += byte.toString(16).padStart(2, '0');
  }
  return `${text}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}
