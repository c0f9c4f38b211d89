import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cursor } from '../../src/decode/cursor.ts';

const step = fc.oneof(
  fc.constant({ verb: 'uint16' as const, length: 2 }),
  fc.constant({ verb: 'uint32' as const, length: 4 }),
  fc.record({ verb: fc.constant('skip' as const), length: fc.integer({ min: -5, max: 70_000 }) }),
  fc.record({ verb: fc.constant('part' as const), length: fc.integer({ min: -5, max: 70_000 }) }),
);

describe('a cursor', () => {
  it('reads numbers in network byte order, one behind the other', () => {
    const cursor = new Cursor(Buffer.from('0102fffefdfc7f', 'hex'));
    expect([cursor.readUint16(), cursor.readUint32(), cursor.remaining]).toEqual([0x0102, 0xfffe_fdfc, 1]);
  });

  it('gives 0 where fewer bytes are left than asked for, and then nothing more', () => {
    const cursor = new Cursor(Buffer.from('ffffff', 'hex'));
    expect([cursor.readUint32(), cursor.remaining, cursor.readUint16()]).toEqual([0, 0, 0]);
  });

  it('never leaves its bounds, never goes back, and reads what is there', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.integer({ min: -3, max: 70 }),
        fc.integer({ min: -3, max: 70 }),
        fc.array(step, { maxLength: 30 }),
        (array, from, to, steps) => {
          const bytes = Buffer.from(array);
          const cursor = new Cursor(bytes, from, to);
          let offset = cursor.offset;
          for (const { verb, length } of steps) {
            const isThere = length >= 0 && offset + length <= cursor.end;
            const inBounds = bytes.subarray(0, cursor.end);
            if (verb === 'uint16') expect(cursor.readUint16()).toBe(isThere ? inBounds.readUInt16BE(offset) : 0);
            else if (verb === 'uint32') expect(cursor.readUint32()).toBe(isThere ? inBounds.readUInt32BE(offset) : 0);
            else if (verb === 'skip') cursor.skip(length);
            else {
              const part = cursor.readPart(length);
              expect(part.offset).toBe(offset);
              expect(part.end).toBe(Math.min(offset + Math.max(0, length), cursor.end));
            }
            expect(cursor.offset).toBe(isThere ? offset + length : length < 0 ? offset : cursor.end);
            expect(cursor.end).toBeLessThanOrEqual(bytes.length);
            expect(cursor.remaining).toBeGreaterThanOrEqual(0);
            offset = cursor.offset;
          }
        },
      ),
    );
  });
});
