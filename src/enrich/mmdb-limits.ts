// Limits for what a MaxMind DB file says of itself. Values may be pointers to others, so that a few hundred bytes unfold to billions of
// values, or never end; and a length of 16 million is four bytes. The library follows and allocates them all.

/** A city in eight languages has a hundred values. */
const maxValues = 4096;
/** And 2 kB of text. */
const maxTextBytes = 256 * 1024;

const pointer = 1;
const map = 7;
const array = 11;
const boolean = 14;

interface ValueHead {
  readonly type: number;
  /** Of a map or an array its entries, else bytes. */
  readonly size: number;
  /** Place of what follows. */
  readonly next: number;
}

/** Not for pointers, whose size is another (MaxMind DB 2.0, "Pointer"). */
function readHead(bytes: Buffer, at: number): ValueHead {
  const control = bytes.readUInt8(at);
  let next = at + 1;
  let type = control >> 5;
  if (type === 0) type = bytes.readUInt8(next++) + 7;
  let size = control & 31;
  if (type !== pointer && size >= 29) {
    const width = size - 28;
    size = [29, 285, 65_821][width - 1]! + bytes.readUIntBE(next, width);
    next += width;
  }
  return { type, size, next };
}

/** Counts values and texts; throws RangeError when they are more than a record has. */
function createBudget(what: string) {
  let values = maxValues;
  let textBytes = maxTextBytes;
  return {
    begin() {
      values = maxValues;
      textBytes = maxTextBytes;
    },
    count({ type, size }: ValueHead) {
      const isContainer = type === map || type === array;
      values -= 1;
      if (!isContainer && type !== pointer) textBytes -= size;
      if (values < 0 || (isContainer && size > maxValues))
        throw new RangeError(`${what} has more than ${maxValues} values`);
      if (textBytes < 0) throw new RangeError(`${what} has more than ${maxTextBytes / 1024} KiB of text`);
    },
  };
}

/** Looks at each value before the decoder does. */
export function limitRecords(decoder: { decode: (offset: number) => unknown }, bytes: Buffer): void {
  const decode = decoder.decode.bind(decoder);
  const budget = createBudget('a record');
  let depth = 0;
  decoder.decode = (offset) => {
    if (depth === 0) budget.begin();
    budget.count(readHead(bytes, offset));
    depth += 1;
    try {
      return decode(offset);
    } finally {
      depth -= 1;
    }
  };
}

/** The end of the mark before the metadata: the library may go by any that it finds, so there has to be one. */
const metadataMark = Buffer.from('\xefMaxMind.com', 'latin1');

/** Throws where the metadata is none, or more than anybody writes. */
export function requireSmallMetadata(bytes: Buffer): void {
  const mark = bytes.lastIndexOf(metadataMark);
  if (mark < 0 || bytes.indexOf(metadataMark) !== mark) throw new RangeError('it has no metadata, or two');
  const start = mark + metadataMark.length;
  const budget = createBudget('its metadata');

  /** Returns the place behind the value. */
  function pass(at: number): number {
    const head = readHead(bytes, at);
    budget.count(head);
    const { type, size } = head;
    let { next } = head;
    if (type === pointer) {
      const width = (size >> 3) + 1;
      const high = width === 4 ? 0 : (size & 7) * 2 ** (8 * width);
      pass(start + [0, 2048, 526_336, 0][width - 1]! + high + bytes.readUIntBE(next, width));
      return next + width;
    }
    const values = type === map ? 2 * size : type === array ? size : 0;
    for (let i = 0; i < values; i++) next = pass(next);
    return type === map || type === array || type === boolean ? next : next + size;
  }

  if (readHead(bytes, start).type !== map) throw new RangeError('its metadata is no map');
  pass(start);
}
