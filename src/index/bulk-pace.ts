// How many _bulk requests may be under way at a time, and how large they may be: more while answers come as quickly as before, half
// as soon as the server says that it is too much (AIMD). In: what became of each request. The reasons: docs/decisions/0031.

export interface BulkPaceOptions {
  readonly maxConcurrency: number;
  readonly maxRequestBytes: number;
}

export interface BulkPace {
  concurrency(): number;
  requestBytes(): number;
  /** `isFull`: others waited while it was sent, so a wider gate would have been used. */
  onAnswer(answer: { readonly bytes: number; readonly latencyMs: number; readonly isFull: boolean }): void;
  /** 429, a timeout, no connection. `sentAtMs`: requests that were under way at the last cut say nothing new. */
  onBusy(sentAtMs: number, nowMs: number): void;
  /** A proxy or the server refuses bodies of this size: for good. */
  onTooLarge(bytes: number): void;
}

/** A proxy that refuses even this is not made for _bulk. */
const minRequestBytes = 65_536;
/** Two keep the server busy while an answer travels: latency alone is no reason for fewer. */
const usefulConcurrency = 2;
/** An answer that takes longer is too near to a timeout, after which all of it is sent again. */
const slowAnswerMs = 10_000;
/** Up to so much slower than the quickest answers is "as quickly as before"; servers merge and collect garbage now and then. */
const flat = 1.5;
const slower = 2.5;
/** What a request costs without its body counts as so many bytes. */
const overheadBytes = 131_072;
/** The quickest answer is forgotten by so much per answer, by half in an hour or so: a cluster may grow slower for good. */
const forget = 1.0002;

export function createBulkPace({ maxConcurrency, maxRequestBytes }: BulkPaceOptions): BulkPace {
  let concurrency = Math.min(usefulConcurrency, maxConcurrency);
  let ceiling = maxRequestBytes;
  let requestBytes = maxRequestBytes;
  let lastCutAtMs = Number.NEGATIVE_INFINITY;
  /** Latencies per byte. */
  let quickest = Number.POSITIVE_INFINITY;
  let usual: number | undefined;
  let answersInARow = 0;

  function adaptConcurrency(): void {
    answersInARow += 1;
    // One round trip of all of them, so that the last change can be seen.
    if (usual === undefined || answersInARow < 2 * concurrency) return;
    answersInARow = 0;
    if (concurrency < usefulConcurrency || usual <= flat * quickest)
      concurrency = Math.min(concurrency + 1, maxConcurrency);
    else if (usual > slower * quickest && concurrency > usefulConcurrency) concurrency -= 1;
  }

  return {
    concurrency: () => concurrency,
    requestBytes: () => requestBytes,
    onAnswer({ bytes, latencyMs, isFull }) {
      if (latencyMs > slowAnswerMs) requestBytes = Math.max(minRequestBytes, requestBytes * 0.75);
      else if (requestBytes < ceiling) requestBytes = Math.min(ceiling, requestBytes + ceiling / 16);
      if (!isFull) return;
      const cost = latencyMs / (bytes + overheadBytes);
      usual = usual === undefined ? cost : usual * 0.8 + cost * 0.2;
      quickest = Math.min(quickest * forget, usual);
      adaptConcurrency();
    },
    onBusy(sentAtMs, nowMs) {
      if (sentAtMs < lastCutAtMs) return;
      lastCutAtMs = nowMs;
      answersInARow = 0;
      concurrency = Math.max(1, concurrency >> 1);
      requestBytes = Math.max(Math.min(minRequestBytes, ceiling), requestBytes / 2);
    },
    onTooLarge(bytes) {
      ceiling = Math.min(ceiling, Math.max(minRequestBytes, bytes / 2));
      requestBytes = Math.min(requestBytes, ceiling);
    },
  };
}
