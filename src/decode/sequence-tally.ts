// What one counter's numbers have told so far. Loss is told once the numbers have proven to mean what the protocol says.

import type { Protocol } from '../model/record.ts';
import { type SequenceChange, type SequenceTrouble, sequenceUnits } from '../model/sequence.ts';

/** What all domains of an exporter share. */
export interface SequenceSender {
  readonly exporter: string;
  readonly protocol: Protocol;
  /** Own units of all its domains. */
  sent: number;
}

export class SequenceTally {
  /** Told so far; late datagrams take from it. */
  lost = 0;
  reordered = 0;
  duplicated = 0;
  restarts = 0;
  trouble: SequenceTrouble | undefined;

  readonly #sender: SequenceSender;
  readonly #domain: number;
  readonly #onChange: (change: SequenceChange) => void;
  #isProven = false;
  #untold = 0;

  constructor(sender: SequenceSender, domain: number, onChange: (change: SequenceChange) => void) {
    this.#sender = sender;
    this.#domain = domain;
    this.#onChange = onChange;
  }

  get isProven(): boolean {
    return this.#isProven;
  }

  prove(): void {
    this.#isProven = true;
    this.lose(this.#untold);
    this.#untold = 0;
  }

  doubt(): void {
    this.#isProven = false;
  }

  /** Negative: came late. */
  lose(units: number): void {
    if (!this.#isProven) this.#untold += units;
    else if (units !== 0) {
      this.lost += units;
      this.#tell({ lost: units });
    }
  }

  /** What was lost since `lost` stood there was none. */
  takeBack(lost: number): void {
    // Late datagrams may have taken back more than that.
    if (this.#isProven) this.lose(Math.min(0, lost - this.lost));
    this.#untold = 0;
  }

  late(): void {
    this.reordered++;
    this.#tell({ reordered: 1 });
  }

  double(): void {
    this.duplicated++;
    this.#tell({ duplicated: 1 });
  }

  restart(): void {
    this.restarts++;
    this.#tell({ restarted: 1 });
  }

  giveUp(trouble: SequenceTrouble): void {
    const isKnown = this.trouble !== undefined;
    this.trouble = trouble;
    this.#tell({ unusable: isKnown ? 0 : 1 });
  }

  pardon(): void {
    if (this.trouble !== undefined) this.#tell({ unusable: -1 });
    this.trouble = undefined;
  }

  #tell({ lost = 0, reordered = 0, duplicated = 0, restarted = 0, unusable = 0 }: Partial<SequenceChange>): void {
    const { exporter, protocol } = this.#sender;
    const unit = sequenceUnits[protocol];
    const { trouble } = this;
    const domain = this.#domain;
    this.#onChange({ exporter, protocol, domain, unit, lost, reordered, duplicated, restarted, unusable, trouble });
  }
}
