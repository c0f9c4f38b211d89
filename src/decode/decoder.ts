// A datagram of any protocol to sets of rows. Never throws on data: what is wrong in a datagram goes to `onFault`.

import type { Datagram } from '../model/datagram.ts';
import type { Fault } from '../model/fault.ts';
import type { RecordSet } from '../model/record.ts';

/** Bounds against hostile or broken senders; each default has its reason in `defaultDecoderLimits`. */
export interface DecoderLimits {
  readonly exporters: number;
  readonly templatesPerExporter: number;
  readonly fieldsPerTemplate: number;
  readonly parkedBytes: number;
  readonly parkedBytesPerExporter: number;
  readonly parkedAgeMs: number;
}

export interface DecoderOptions {
  readonly onFault: (fault: Fault) => void;
  readonly limits?: Partial<DecoderLimits>;
}

/** Templates and options tables, JSON-safe; opaque to everyone but `restoreState`. */
export type DecoderState = Readonly<Record<string, unknown>>;

export interface Decoder {
  /** Sets that were parked and whose template this datagram brought come along, under the header they came with. */
  decode(datagram: Datagram): RecordSet[];
  /** Gives up parked sets that are older than `parkedAgeMs`. */
  expire(nowMs: number): void;
  saveState(): DecoderState;
  /** Throws WeirError `file-invalid` on anything but a saved state, and then changes nothing. */
  restoreState(state: unknown): void;
  /** Changes whenever `saveState` would give something new. */
  readonly stateVersion: number;
}

export function createDecoder(_options: DecoderOptions): Decoder {
  return {
    decode: () => [],
    expire: () => {},
    saveState: () => ({}),
    restoreState: () => {},
    stateVersion: 0,
  };
}
