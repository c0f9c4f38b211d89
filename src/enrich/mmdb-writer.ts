// Writes MaxMind DB files: address ranges and their values in, the bytes of the file out.
// Format 2.0 of https://maxmind.github.io/MaxMind-DB/: a binary tree over 128-bit addresses (IPv4 in ::/96), then the values, then metadata.

import { createMmdbEncoder, type MmdbValue, mmdbTypes } from './mmdb-encoder.ts';

export interface MmdbWriterOptions {
  /** By convention the last word says what is inside: `weir-ASN`, `weir-City`. */
  readonly databaseType: string;
  readonly description: string;
  readonly builtAtMs: number;
}

export interface MmdbWriter {
  /** Stores a value once; the id is for `setRange`. */
  addValue(value: MmdbValue): number;
  /** Gives all addresses from `first` to `last` (both included, 16 bytes each) a value; overwrites what they had. */
  setRange(first: Uint8Array, last: Uint8Array, valueId: number): void;
  toBuffer(): Buffer;
}

const addressBits = 128;
/** Zero bytes between tree and data. */
const separatorBytes = 16;
const metadataMarker = Buffer.from('abcdef4d61784d696e642e636f6d', 'hex');

export function createMmdbWriter(options: MmdbWriterOptions): MmdbWriter {
  const tree = createTree();
  const data = createMmdbEncoder();
  const offsets: number[] = [];

  function addValue(value: MmdbValue): number {
    offsets.push(data.position());
    data.write(value);
    return offsets.length - 1;
  }

  function toBuffer(): Buffer {
    const nodeCount = tree.collapse();
    const dataBytes = data.bytes();
    const recordBits = nodeCount + separatorBytes + dataBytes.length < 2 ** 24 ? 24 : 32;
    const metadata = createMmdbEncoder();
    metadata.writeHead(mmdbTypes.map, 9);
    metadata.writeUint('binary_format_major_version', mmdbTypes.uint16, 2);
    metadata.writeUint('binary_format_minor_version', mmdbTypes.uint16, 0);
    metadata.writeUint('build_epoch', mmdbTypes.uint64, Math.floor(options.builtAtMs / 1000));
    metadata.writeUint('ip_version', mmdbTypes.uint16, 6);
    metadata.writeUint('node_count', mmdbTypes.uint32, nodeCount);
    metadata.writeUint('record_size', mmdbTypes.uint16, recordBits);
    metadata.writeEntry('database_type', options.databaseType);
    metadata.writeEntry('description', { en: options.description });
    metadata.writeEntry('languages', ['en']);
    return Buffer.concat([
      tree.toBuffer(nodeCount, recordBits / 8, offsets),
      Buffer.alloc(separatorBytes),
      dataBytes,
      metadataMarker,
      metadata.bytes(),
    ]);
  }

  return { addValue, setRange: tree.setRange, toBuffer };
}

/**
 * Node n has two slots, 2n and 2n + 1, for the next address bit being 0 or 1. A slot holds 0 (nothing known),
 * the index of a node (the root, 0, is below nobody), or -1 - id of a value.
 */
function createTree() {
  let slots = new Int32Array(2 * 4096);
  let nodes = 1;

  function setRange(first: Uint8Array, last: Uint8Array, valueId: number): void {
    // From these depths on the bounds have only zeros, or only ones: they cut nothing off any more.
    const firstEnd = addressBits - trailingBits(first, 0);
    const lastEnd = addressBits - trailingBits(last, 1);

    // `atFirst`, `atLast`: the path to this node is the beginning of that bound.
    function fill(node: number, depth: number, atFirst: boolean, atLast: boolean): void {
      const low = atFirst ? bitAt(first, depth) : 0;
      const high = atLast ? bitAt(last, depth) : 1;
      if (low === 0) fillSlot(2 * node, depth + 1, atFirst, atLast && high === 0);
      if (high === 1) fillSlot(2 * node + 1, depth + 1, atFirst && low === 1, atLast);
    }

    function fillSlot(slot: number, depth: number, atFirst: boolean, atLast: boolean): void {
      const whole = (!atFirst || depth >= firstEnd) && (!atLast || depth >= lastEnd);
      if (whole) slots[slot] = -1 - valueId;
      else fill(childOf(slot), depth, atFirst, atLast);
    }

    fill(0, 0, true, true);
  }

  /** The node below a slot; made, with the slot's value on both sides, where there is none. */
  function childOf(slot: number): number {
    const content = slots[slot]!;
    if (content > 0) return content;
    if (2 * nodes === slots.length) {
      const larger = new Int32Array(2 * slots.length);
      larger.set(slots);
      slots = larger;
    }
    slots[2 * nodes] = content;
    slots[2 * nodes + 1] = content;
    slots[slot] = nodes;
    return nodes++;
  }

  /** Replaces nodes whose two sides are the same value by that value; returns how many nodes are left. */
  function collapse(): number {
    return 1 + collapseSlot(0) + collapseSlot(1);
  }

  function collapseSlot(slot: number): number {
    const node = slots[slot]!;
    if (node <= 0) return 0;
    const below = collapseSlot(2 * node) + collapseSlot(2 * node + 1);
    const left = slots[2 * node]!;
    if (left > 0 || left !== slots[2 * node + 1]) return 1 + below;
    slots[slot] = left;
    return below;
  }

  /** Nodes in depth-first order; each slot is a big-endian record of `recordBytes`. */
  function toBuffer(nodeCount: number, recordBytes: number, valueOffsets: readonly number[]): Buffer {
    const bytes = Buffer.allocUnsafe(2 * nodeCount * recordBytes);
    let next = 0;

    function writeNode(node: number): number {
      const position = next++;
      writeSlot(2 * position, slots[2 * node]!);
      writeSlot(2 * position + 1, slots[2 * node + 1]!);
      return position;
    }

    function writeSlot(record: number, content: number): void {
      let value = nodeCount;
      if (content > 0) value = writeNode(content);
      else if (content < 0) value = nodeCount + separatorBytes + valueOffsets[-1 - content]!;
      bytes.writeUIntBE(value, record * recordBytes, recordBytes);
    }

    writeNode(0);
    return bytes;
  }

  return { setRange, collapse, toBuffer };
}

function bitAt(address: Uint8Array, position: number): number {
  return (address[position >> 3]! >> (7 - (position & 7))) & 1;
}

function trailingBits(address: Uint8Array, bit: number): number {
  let count = 0;
  while (count < addressBits && bitAt(address, addressBits - 1 - count) === bit) count++;
  return count;
}
