// Who runs beside weir and may read its state folder can have a copy of what comes in: over a Unix socket in that folder, as records of
// a pcap file (`weir capture` writes them). Receiving never waits for it: what a reader does not take in time is left out, and counted.
//
// A reader sends one line of JSON: {"exporters":["10.0.0.0/8"]}, or {}. It gets frames: kind (1) | length (4, big-endian) | body
//   1 a record of pcap-writer.ts
//   2 status, JSON: {"leftOut":7} datagrams so far, or {"refused":"why"}

import { randomUUID } from 'node:crypto';
import { chmod, lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Datagram } from '../model/datagram.ts';
import type { Logger } from '../telemetry/logger.ts';
import { toPcapRecord } from './pcap-writer.ts';

export interface CaptureSocketOptions {
  /** The folder of the socket; made, for its owner alone. */
  readonly directory: string;
  /** Throws WeirError for what are no subnets; undefined: every exporter. */
  readonly toFilter: (exporters: readonly string[] | undefined) => (exporter: string) => boolean;
  readonly logger: Logger;
  /** Microseconds since 1970. */
  readonly nowUs: () => number;
}

export interface CaptureSocket {
  /** Never rejects: where there can be no socket, the log says why. */
  start(): Promise<void>;
  /** False most of the time: then nobody needs `take`. */
  readonly isRead: boolean;
  take(datagram: Datagram): void;
  /** Readers get what waits for them, for a moment. */
  stop(): Promise<void>;
}

export const captureFrames = { record: 1, status: 2 } as const;
export const captureFrameHeadBytes = 5;

/** Some seconds of a busy collector, for a reader whose disk is slow; two of them at a time. */
const maxWaitingBytes = 16 * 1024 * 1024;
const maxReaders = 2;
const maxRequestBytes = 64 * 1024;
const requestLimitMs = 5000;
const stopLimitMs = 300;
/** Linux takes 107 bytes, macOS 103. */
const maxPathBytes = 103;

interface Reader {
  readonly socket: Socket;
  readonly isWanted: (exporter: string) => boolean;
  leftOut: number;
  toldLeftOut: number;
  isCorked: boolean;
}

export function createCaptureSocket({ directory, toFilter, logger, nowUs }: CaptureSocketOptions): CaptureSocket {
  const path = join(directory, `${randomUUID().slice(0, 8)}.sock`);
  const readers = new Set<Reader>();
  const connections = new Set<Socket>();
  let server: Server | undefined;

  async function start(): Promise<void> {
    try {
      if (Buffer.byteLength(path) > maxPathBytes) throw new Error('its path would be too long for a socket');
      await makePrivateFolder(directory);
      await removeLeftOver(directory);
      server = await listen(path, accept);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      logger.info({ directory, reason }, 'weir capture can’t be used beside this weir');
    }
  }

  function accept(socket: Socket): void {
    connections.add(socket);
    let request = '';
    const tooLate = setTimeout(() => socket.destroy(), requestLimitMs);
    socket.setEncoding('utf8');
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(tooLate);
      connections.delete(socket);
    });
    socket.on('data', (text: string) => {
      request += text;
      const end = request.indexOf('\n');
      if (end === -1 && request.length < maxRequestBytes) return;
      clearTimeout(tooLate);
      socket.removeAllListeners('data').resume();
      serve(socket, request.slice(0, Math.max(0, end)));
    });
  }

  function serve(socket: Socket, request: string): void {
    let isWanted: (exporter: string) => boolean;
    let exporters: readonly string[] | undefined;
    try {
      if (readers.size >= maxReaders) throw new Error(`${maxReaders} captures are under way; end one of them`);
      exporters = readExporters(request);
      isWanted = toFilter(exporters);
    } catch (error) {
      socket.end(toStatus({ refused: error instanceof Error ? error.message : String(error) }));
      return;
    }
    const reader: Reader = { socket, isWanted, leftOut: 0, toldLeftOut: 0, isCorked: false };
    readers.add(reader);
    socket.on('drain', () => tellLeftOut(reader));
    socket.on('close', () => {
      readers.delete(reader);
      logger.info({ ...(reader.leftOut > 0 && { leftOut: reader.leftOut }) }, 'a capture of datagrams has ended');
    });
    socket.write(toStatus({ leftOut: 0 }));
    logger.info({ ...(exporters && { exporters }) }, 'a capture of datagrams has begun');
  }

  function take(datagram: Datagram): void {
    let record: Buffer | undefined;
    for (const reader of readers) {
      if (!reader.isWanted(datagram.exporter)) continue;
      const { socket } = reader;
      if (socket.writableLength > maxWaitingBytes) {
        reader.leftOut += 1;
        continue;
      }
      record ??= toFrame(captureFrames.record, toPcapRecord(datagram, nowUs()));
      cork(reader);
      tellLeftOut(reader);
      socket.write(record);
    }
  }

  /** One write to the kernel for all that comes in one turn. */
  function cork(reader: Reader): void {
    if (reader.isCorked) return;
    reader.isCorked = true;
    reader.socket.cork();
    setImmediate(() => {
      reader.isCorked = false;
      reader.socket.uncork();
    });
  }

  function tellLeftOut(reader: Reader): void {
    if (reader.leftOut === reader.toldLeftOut) return;
    reader.toldLeftOut = reader.leftOut;
    reader.socket.write(toStatus({ leftOut: reader.leftOut }));
  }

  async function stop(): Promise<void> {
    const closing = server;
    server = undefined;
    if (closing === undefined) return;
    for (const reader of readers) tellLeftOut(reader);
    for (const socket of connections) socket.end();
    const tooLate = setTimeout(() => {
      for (const socket of connections) socket.destroy();
    }, stopLimitMs);
    await new Promise<void>((resolve) => closing.close(() => resolve()));
    clearTimeout(tooLate);
    readers.clear();
  }

  return {
    start,
    get isRead() {
      return readers.size > 0;
    },
    take,
    stop,
  };
}

function listen(path: string, onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer(onConnection);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject).on('error', () => undefined);
      // Nothing but flows keeps weir alive.
      server.unref();
      resolve(server);
    });
  });
}

/** Others must not read what comes over the socket: the folder keeps them out, whatever the mode of the socket is. */
async function makePrivateFolder(directory: string): Promise<void> {
  await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  const found = await lstat(directory);
  if (!found.isDirectory()) throw new Error(`${directory} is no folder`);
  if ((found.mode & 0o077) !== 0) await chmod(directory, 0o700);
}

/** Sockets of processes that were killed. */
async function removeLeftOver(directory: string): Promise<void> {
  for (const path of await listCaptureSockets(directory)) {
    const socket = await connect(path).catch((error: NodeJS.ErrnoException) => error.code);
    if (socket === 'ECONNREFUSED') await rm(path, { force: true });
    else if (typeof socket === 'object') socket.destroy();
  }
}

/** Throws the system's error. None where there is no such folder. */
export async function listCaptureSockets(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
  return names.filter((name) => name.endsWith('.sock')).map((name) => join(directory, name));
}

/** Rejects with the system's error. */
export function connect(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function readExporters(request: string): readonly string[] | undefined {
  const { exporters } = JSON.parse(request) as { readonly exporters?: unknown };
  if (exporters === undefined) return undefined;
  if (Array.isArray(exporters) && exporters.every((each): each is string => typeof each === 'string')) return exporters;
  throw new Error('exporters: expected a list of subnets');
}

function toStatus(status: { readonly leftOut: number } | { readonly refused: string }): Buffer {
  return toFrame(captureFrames.status, Buffer.from(JSON.stringify(status)));
}

function toFrame(kind: number, body: Buffer): Buffer {
  const head = Buffer.alloc(captureFrameHeadBytes);
  head.writeUInt8(kind, 0);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}
