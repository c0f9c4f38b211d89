// Encodes values for the data and metadata sections of a MaxMind DB file.
// Format: "Data Field Format" of https://maxmind.github.io/MaxMind-DB/. A string that occurs again is a pointer to the first.

export type MmdbValue = string | number | boolean | readonly MmdbValue[] | { readonly [key: string]: MmdbValue };

export interface MmdbEncoder {
  write(value: MmdbValue): void;
  /** The beginning of a map, array or other value: its type and size. */
  writeHead(type: number, size: number): void;
  writeEntry(key: string, value: MmdbValue): void;
  /** An entry whose number has a type of its own: metadata is strict about that. */
  writeUint(key: string, type: number, value: number): void;
  position(): number;
  bytes(): Buffer;
}

/** Types of the data section, "Data Field Format". */
export const mmdbTypes = {
  pointer: 1,
  string: 2,
  double: 3,
  uint16: 5,
  uint32: 6,
  map: 7,
  uint64: 9,
  array: 11,
  boolean: 14,
};

export function createMmdbEncoder(): MmdbEncoder {
  let buffer = Buffer.allocUnsafe(4096);
  let length = 0;
  const strings = new Map<string, number>();

  function reserve(count: number): number {
    const start = length;
    length += count;
    if (length > buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * buffer.length));
      buffer.copy(larger, 0, 0, start);
      buffer = larger;
    }
    return start;
  }

  function writeBytes(value: number, count: number): void {
    const start = reserve(count);
    buffer.writeUIntBE(value, start, count);
  }

  /** Control byte: 3 bits type (0: in the next byte, minus 7), 5 bits size (29 and 30: in the next 1 or 2 bytes). */
  function writeHead(type: number, size: number): void {
    if (size >= 285 + 2 ** 16)
      throw new RangeError(`a value of ${size} bytes or entries is too large for an mmdb file`);
    const sizeBits = size < 29 ? size : size < 285 ? 29 : 30;
    writeBytes((type <= 7 ? type << 5 : 0) | sizeBits, 1);
    if (type > 7) writeBytes(type - 7, 1);
    if (sizeBits === 29) writeBytes(size - 29, 1);
    if (sizeBits === 30) writeBytes(size - 285, 2);
  }

  /** Control byte of a pointer: 3 bits type, 2 bits how many bytes follow, 3 bits of the value. */
  function writePointer(target: number): void {
    const head = mmdbTypes.pointer << 5;
    if (target < 2048) writeBytes((head << 8) | target, 2);
    else if (target < 526_336) writeBytes(((head | 8) << 16) | (target - 2048), 3);
    else if (target < 134_744_064) writeBytes((head | 16) * 2 ** 24 + (target - 526_336), 4);
    else writeBytes((head | 24) * 2 ** 32 + target, 5);
  }

  function writeString(text: string): void {
    const known = strings.get(text);
    if (known !== undefined) {
      writePointer(known);
      return;
    }
    strings.set(text, length);
    const size = Buffer.byteLength(text);
    writeHead(mmdbTypes.string, size);
    const start = reserve(size);
    buffer.write(text, start, 'utf8');
  }

  function write(value: MmdbValue): void {
    if (typeof value === 'string') writeString(value);
    else if (typeof value === 'boolean') writeHead(mmdbTypes.boolean, value ? 1 : 0);
    else if (typeof value === 'number') writeNumber(value);
    else if (isList(value)) {
      writeHead(mmdbTypes.array, value.length);
      for (const item of value) write(item);
    } else {
      const entries = Object.entries(value);
      writeHead(mmdbTypes.map, entries.length);
      for (const [key, item] of entries) writeEntry(key, item);
    }
  }

  function writeNumber(value: number): void {
    if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) writeUintBytes(mmdbTypes.uint32, value);
    else {
      writeHead(mmdbTypes.double, 8);
      const start = reserve(8);
      buffer.writeDoubleBE(value, start);
    }
  }

  function writeUintBytes(type: number, value: number): void {
    const size = Math.ceil(Math.log2(value + 1) / 8);
    writeHead(type, size);
    if (size > 0) writeBytes(value, size);
  }

  function writeEntry(key: string, value: MmdbValue): void {
    writeString(key);
    write(value);
  }

  function writeUint(key: string, type: number, value: number): void {
    writeString(key);
    writeUintBytes(type, value);
  }

  return { write, writeHead, writeEntry, writeUint, position: () => length, bytes: () => buffer.subarray(0, length) };
}

function isList(value: MmdbValue): value is readonly MmdbValue[] {
  return Array.isArray(value);
}
