// The body of a _bulk request, written into a Buffer that is used again: action line, document, action line, document …

/** Things that can be written as action line + document; by position, so that an attempt can send some of them. */
export interface BulkItems {
  readonly count: number;
  /** Upper bound of what `put` writes. */
  byteLength(item: number): number;
  /** Writes the item; returns the offset after it. */
  put(target: Buffer, offset: number, item: number): number;
  /** Takes the fields out of the item, for good. False: it is as it was, so another attempt would be refused again. */
  dropFields(item: number, fields: readonly string[]): boolean;
}

/** Buffers of bulk bodies: as many as requests that may be under way. Fresh pages are dear, so they are kept. */
export interface BodySlabs {
  /** At least so many bytes. */
  take(byteLength: number): Buffer;
  giveBack(slab: Buffer): void;
}

/** A slab grows in steps of this size. */
const slabStep = 262_144;

export function createBodySlabs(keep: number): BodySlabs {
  const free: Buffer[] = [];
  return {
    take(byteLength) {
      const fitting = free.findIndex((slab) => slab.length >= byteLength);
      if (fitting >= 0) return free.splice(fitting, 1)[0]!;
      free.pop();
      return Buffer.allocUnsafeSlow(Math.ceil(byteLength / slabStep) * slabStep);
    },
    giveBack(slab) {
      if (free.length < keep) free.push(slab);
    },
  };
}

/** `{"create":{"_index":"…","_id":"` in ASCII, so that it can be written as latin1. The id's end and `"}}` follow. */
export function toActionStart(index: string, idStart: string): string {
  const start = `{"create":{"_index":${JSON.stringify(index)},"_id":${JSON.stringify(idStart).slice(0, -1)}`;
  return start.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

export const actionEnd = '"}}\n';
