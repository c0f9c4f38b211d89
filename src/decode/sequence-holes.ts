// The gaps that the last lost datagrams left, so that one that comes late takes back what was given up for it.

/** Gaps that are remembered, each of one datagram or of a thousand: networks reorder over a few neighbours. */
const maxHoles = 32;

export class SequenceHoles {
  /** Start and length of each, in a ring. */
  readonly #starts = new Uint32Array(maxHoles);
  readonly #lengths = new Float64Array(maxHoles);
  #next = 0;

  add(start: number, length: number): void {
    this.#starts[this.#next] = start;
    this.#lengths[this.#next] = length;
    this.#next = (this.#next + 1) % maxHoles;
  }

  /** Fills `units` from `start` on, as far as a hole reaches; `units` -1: all of it. Returns what was filled, 0: there is no hole. */
  fill(start: number, units: number): number {
    for (let i = 0; i < maxHoles; i++) {
      const length = this.#lengths[i]!;
      const skipped = (start - this.#starts[i]!) >>> 0;
      if (skipped >= length) continue;
      const filled = units < 0 ? length - skipped : Math.min(units, length - skipped);
      const rest = length - skipped - filled;
      this.#lengths[i] = skipped;
      if (rest > 0) {
        if (skipped === 0) {
          this.#starts[i] = (start + filled) >>> 0;
          this.#lengths[i] = rest;
        } else this.add((start + filled) >>> 0, rest);
      }
      return filled;
    }
    return 0;
  }

  clear(): void {
    this.#lengths.fill(0);
  }
}
