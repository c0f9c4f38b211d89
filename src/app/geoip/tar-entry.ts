// Takes the first .mmdb file out of a tar archive that streams by (POSIX 1003.1 ustar: 512-byte blocks, a header before each file).

import { Transform, type TransformCallback } from 'node:stream';

const blockBytes = 512;
const nameBytes = 100;
const sizeAt = 124;
const sizeBytes = 12;
const typeAt = 156;

export class DatabaseOfTar extends Transform {
  private header: Buffer = Buffer.alloc(0);
  /** Bytes of the entry that are still to come, with the padding behind it. */
  private left = 0;
  private padding = 0;
  private isWanted = false;
  private isFound = false;

  override _transform(chunk: Buffer, _: BufferEncoding, done: TransformCallback): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.left > 0) {
        const part = rest.subarray(0, this.left);
        if (this.isWanted) this.push(part);
        this.left -= part.length;
        rest = rest.subarray(part.length);
      } else if (this.padding > 0) {
        const skipped = Math.min(this.padding, rest.length);
        this.padding -= skipped;
        rest = rest.subarray(skipped);
      } else {
        const part = rest.subarray(0, blockBytes - this.header.length);
        this.header = Buffer.concat([this.header, part]);
        rest = rest.subarray(part.length);
        if (this.header.length === blockBytes) this.begin();
      }
    }
    done();
  }

  override _flush(done: TransformCallback): void {
    if (!this.isFound) done(new Error('there is no .mmdb file in the archive'));
    else if (this.isWanted && this.left > 0) done(new Error('the archive ends early'));
    else done();
  }

  private begin(): void {
    const { header } = this;
    this.header = Buffer.alloc(0);
    const name = header.toString('latin1', 0, nameBytes).split('\0')[0] ?? '';
    const size = Number.parseInt(header.toString('latin1', sizeAt, sizeAt + sizeBytes), 8);
    this.left = Number.isSafeInteger(size) && size > 0 ? size : 0;
    this.padding = (blockBytes - (this.left % blockBytes)) % blockBytes;
    const type = String.fromCharCode(header[typeAt] ?? 0);
    this.isWanted = !this.isFound && (type === '0' || type === '\0') && name.endsWith('.mmdb');
    if (this.isWanted) this.isFound = true;
  }
}
