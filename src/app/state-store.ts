// Where what decode has learnt (templates, options tables) outlives the process: a file, or Redis.
// Implementations pass test/contracts/state-store-contract.ts.

export interface StateStore {
  /** How often `save` is to be called. */
  readonly saveEveryMs: number;
  /** Gives the decoder what earlier runs saved. What is damaged is said so and left alone: flows go on without it. */
  load(): Promise<void>;
  /** Saves if the decoder has learnt something since the last time. Failures are logged, never thrown, and made good later. */
  save(): Promise<void>;
  /** Saves what is left, and closes what is open. */
  stop(): Promise<void>;
}

/** Where the listeners of one pipeline meet on Redis. */
export function toStateKey({ keyPrefix }: { readonly keyPrefix: string }, pipelineName: string): string {
  return `${keyPrefix}:${pipelineName}:templates`;
}
