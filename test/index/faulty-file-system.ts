// A real folder behind a disk with faults: writes that are cut short or fail, syncs and truncations that fail.

import * as nodeFileSystem from 'node:fs/promises';
import type { NdjsonFileSystem } from '../../src/index/ndjson-file-system.ts';

export type DiskFault =
  /** Only half of the bytes are written, without an error. */
  | 'short write'
  /** Half of the bytes are written, then the disk is full. */
  | 'full in the write'
  | 'full before the write'
  | 'sync fails'
  | 'truncate fails'
  | 'open fails'
  | 'rename fails'
  | 'folder sync fails';

export interface FaultyFileSystem extends NdjsonFileSystem {
  /** Each is met once, by the operation it names. */
  readonly faults: DiskFault[];
  /** Every write fails while set. */
  isFull: boolean;
}

export function createFaultyFileSystem(): FaultyFileSystem {
  function meets(fault: DiskFault): boolean {
    if (faulty.faults[0] !== fault) return false;
    faulty.faults.shift();
    return true;
  }

  function withFaults(handle: nodeFileSystem.FileHandle): nodeFileSystem.FileHandle {
    const write = async (bytes: Buffer, offset: number, length: number, position: number): Promise<object> => {
      if (faulty.isFull || meets('full before the write')) throw errno('ENOSPC');
      const half = Math.ceil(length / 2);
      if (meets('short write')) return handle.write(bytes, offset, half, position);
      if (meets('full in the write')) {
        await handle.write(bytes, offset, half, position);
        throw errno('ENOSPC');
      }
      return handle.write(bytes, offset, length, position);
    };
    const datasync = async (): Promise<void> => {
      if (meets('sync fails')) throw errno('EIO');
      await handle.datasync();
    };
    const sync = async (): Promise<void> => {
      if (meets('folder sync fails')) throw errno('EIO');
      await handle.sync();
    };
    const truncate = async (length: number): Promise<void> => {
      if (meets('truncate fails')) throw errno('EIO');
      await handle.truncate(length);
    };
    const changed: Readonly<Record<string | symbol, unknown>> = { write, datasync, sync, truncate };
    return new Proxy(handle, {
      get(target, name) {
        const own = changed[name] ?? (Reflect.get(target, name, target) as unknown);
        return typeof own === 'function' && changed[name] === undefined ? own.bind(target) : own;
      },
    });
  }

  const faulty: FaultyFileSystem = {
    ...nodeFileSystem,
    faults: [],
    isFull: false,
    async open(path, flags, mode) {
      if (flags === 'wx' && meets('open fails')) throw errno('ENOSPC');
      return withFaults(await nodeFileSystem.open(path, flags, mode));
    },
    async rename(from, to) {
      if (meets('rename fails')) throw errno('EIO');
      await nodeFileSystem.rename(from, to);
    },
  };
  return faulty;
}

function errno(code: string): Error {
  return Object.assign(new Error(code), { code });
}
