// Reads forward through a bounded part of a datagram. No read leaves the bounds and no read goes backwards:
// past the end it gives 0 and stays there, so that whoever loops on `remaining` always comes to an end.

import { uint16At, uint32At } from './wire-numbers.ts';

export class Cursor {
  readonly bytes: Buffer;
  readonly end: number;
  #offset: number;

  /** Bounds beyond the bytes are cut to them. */
  constructor(bytes: Buffer, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.end = Math.max(0, Math.min(end, bytes.length));
    this.#offset = Math.max(0, Math.min(offset, this.end));
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.end - this.#offset;
  }

  readUint16(): number {
    const at = this.#advance(2);
    return at === undefined ? 0 : uint16At(this.bytes, at);
  }

  readUint32(): number {
    const at = this.#advance(4);
    return at === undefined ? 0 : uint32At(this.bytes, at);
  }

  skip(length: number): void {
    this.#advance(length);
  }

  /** A cursor over the next `length` bytes, or as many as there are; this one goes on behind them. */
  readPart(length: number): Cursor {
    const start = this.#offset;
    this.#advance(length);
    return new Cursor(this.bytes, start, Math.min(start + Math.max(0, length), this.end));
  }

  /** Where the bytes begin, or undefined when fewer are left: then nothing more can be read. */
  #advance(length: number): number | undefined {
    const start = this.#offset;
    if (!(length >= 0 && length <= this.end - start)) {
      this.#offset = length < 0 ? start : this.end;
      return undefined;
    }
    this.#offset = start + length;
    return start;
  }
}
