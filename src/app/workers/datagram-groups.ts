// Datagrams for one worker, in groups that are kept until the worker has settled them: what a dead worker leaves is given to the next
// one whole, in order. Bounded: what does not fit is not taken.

import {
  createFrameReader,
  endFrameBytes,
  maxFrameBytes,
  writeBegin,
  writeDatagram,
  writeEnd,
} from '../../collect/datagram-frames.ts';
import type { Datagram } from '../../model/datagram.ts';

/** Filled again and again: fresh memory costs more than what is written into it (page faults). */
const slabBytes = 256 * 1024;
/** Some batches of 2,000 records, so that the last one of the group, which is not full, counts little. */
const slabsPerGroup = 4;
/** A group that went down with so many workers is not given to another one. */
const maxAttempts = 3;

export interface DatagramGroupsOptions {
  /** Of all groups that are not settled. */
  readonly maxBytes: number;
  /** Groups are named by it and a number. */
  readonly idPrefix: string;
  /** Bytes for the worker, in order; they may be written over once their group is settled. */
  readonly send: (bytes: Buffer) => void;
  /** A group that no worker survived: datagrams by exporter. */
  readonly onGivenUp: (datagrams: ReadonlyMap<string, number>) => void;
}

export interface DatagramGroups {
  /** False: there is no room. */
  add(datagram: Datagram, nowMs: number): boolean;
  /** Sends what was added since. */
  flush(): void;
  /** The open group is whole; nothing where none is open. */
  close(): void;
  /** When it was begun; undefined where it is not known (any more). */
  settle(group: string): number | undefined;
  /** A new worker is there: gives it what is not settled. `send` reaches it from now on. */
  resume(): void;
  /** No worker is there: nothing is sent until `resume`. */
  suspend(): void;
  openSinceMs(): number | undefined;
  /** Groups that are not settled. */
  count(): number;
  unsettledBytes(): number;
}

interface Group {
  readonly id: string;
  readonly sinceMs: number;
  readonly slabs: { readonly bytes: Buffer; length: number }[];
  attempts: number;
}

export function createDatagramGroups({ maxBytes, idPrefix, send, onGivenUp }: DatagramGroupsOptions): DatagramGroups {
  const free: Buffer[] = [];
  const groups = new Map<string, Group>();
  let slabs = 0;
  let open: Group | undefined;
  /** In the last slab of the open group: what was sent of it. */
  let sent = 0;
  let isSuspended = true;
  let sequence = 0;

  function add(datagram: Datagram, nowMs: number): boolean {
    if (open !== undefined && open.slabs.length >= slabsPerGroup && !hasRoom(open)) close();
    if (open === undefined || !hasRoom(open)) {
      const bytes = takeSlab();
      if (bytes === undefined) return false;
      flush();
      open ??= begin(nowMs);
      open.slabs.push({ bytes, length: open.slabs.length === 0 ? writeBegin(bytes, 0, open.id) : 0 });
      sent = 0;
    }
    const slab = open.slabs.at(-1)!;
    slab.length = writeDatagram(slab.bytes, slab.length, datagram);
    return true;
  }

  function hasRoom({ slabs }: Group): boolean {
    return slabBytes - (slabs.at(-1)?.length ?? slabBytes) >= maxFrameBytes + endFrameBytes;
  }

  function takeSlab(): Buffer | undefined {
    const slab = free.pop();
    if (slab !== undefined) return slab;
    if ((slabs + 1) * slabBytes > maxBytes) return undefined;
    slabs += 1;
    return Buffer.allocUnsafeSlow(slabBytes);
  }

  function begin(sinceMs: number): Group {
    const group: Group = { id: `${idPrefix}${sequence.toString(36)}-`, sinceMs, slabs: [], attempts: 1 };
    sequence += 1;
    groups.set(group.id, group);
    return group;
  }

  function flush(): void {
    const slab = open?.slabs.at(-1);
    if (slab === undefined || slab.length === sent) return;
    if (!isSuspended) send(slab.bytes.subarray(sent, slab.length));
    sent = slab.length;
  }

  function close(): void {
    const slab = open?.slabs.at(-1);
    if (open === undefined || slab === undefined) return;
    slab.length = writeEnd(slab.bytes, slab.length);
    flush();
    open = undefined;
  }

  function settle(id: string): number | undefined {
    const group = groups.get(id);
    if (group === undefined) return undefined;
    groups.delete(id);
    free.push(...group.slabs.map(({ bytes }) => bytes));
    return group.sinceMs;
  }

  function resume(): void {
    isSuspended = false;
    for (const group of groups.values()) {
      if (group.attempts >= maxAttempts) {
        if (group === open) open = undefined;
        onGivenUp(countDatagrams(group));
        settle(group.id);
        continue;
      }
      group.attempts += 1;
      for (const { bytes, length } of group.slabs) send(bytes.subarray(0, length));
    }
    sent = open?.slabs.at(-1)?.length ?? 0;
  }

  return {
    add,
    flush,
    close,
    settle,
    resume,
    suspend() {
      isSuspended = true;
    },
    openSinceMs: () => open?.sinceMs,
    count: () => groups.size,
    unsettledBytes: () => (slabs - free.length) * slabBytes,
  };
}

function countDatagrams({ slabs }: Group): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const reader = createFrameReader({
    onBegin: () => undefined,
    onDatagram: ({ exporter }) => counts.set(exporter, (counts.get(exporter) ?? 0) + 1),
    onEnd: () => undefined,
  });
  for (const { bytes, length } of slabs) reader.read(bytes.subarray(0, length));
  return counts;
}
