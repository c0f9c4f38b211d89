// Names of addresses by reverse DNS, asked for in the background and remembered. Nobody waits for a name server: an answer that
// comes late serves the flows that come then, and a server that never answers is left alone for a while.

import type { Logger } from '../telemetry/logger.ts';
import { isNameless, toHostname, toPointerName } from './host-names.ts';
import { createRecentMap } from './recent-map.ts';

/** What gets a name when it is known: the facts of an address. */
export interface Named {
  readonly text: string;
  hostname: string;
  hostnameDueS: number | undefined;
}

export interface ReverseNamesOptions {
  /** Rejects with an error whose `code` is that of node:dns. */
  readonly ask: (pointerName: string) => Promise<readonly string[]>;
  readonly limits: ReverseNamesLimits;
  readonly logger: Logger;
  /** What became of each question: `named`, `nameless`, `unanswered` …; docs/operations.md lists them. */
  readonly count?: (outcome: string) => void;
}

export interface ReverseNamesLimits {
  readonly foundEntries: number;
  readonly foundS: number;
  readonly failedEntries: number;
  readonly failedS: number;
}

export interface KnownName {
  /** Undefined: the address has none. */
  readonly name: string | undefined;
  /** Whole seconds since 1970: it is to be asked for again then. */
  readonly dueS: number;
}

export interface ReverseNames {
  /** Time of the flows at hand, whole seconds since 1970. */
  nowS: number;
  /** Names that are waited for. */
  readonly waiting: number;
  /** Undefined: not known, or no longer. Then `ask` for it. */
  get(address: string): KnownName | undefined;
  /** Gives it its name, now or when the answer comes. */
  name(named: Named): void;
  ask(address: string): void;
  /** Resolves when nothing is waited for any more, at the latest after `maxMs`. */
  settled(maxMs: number): Promise<void>;
  stop(): void;
}

/** node.js and c-ares do 18,000 a second with 50 under way; with more they get slower. */
const maxConcurrent = 50;

/** An answer costs 50 µs of CPU: 5 % of a core, however many addresses a scan has. */
const maxStartedPerWindow = 100;
const windowMs = 100;

/** Ten seconds' worth. Addresses beyond are asked for when they are seen again. */
const maxWaiting = 10_000;
const againS = 60;

/** An exporter that is an end point, and facts that were forgotten and made again while the answer was under way. */
const maxNamed = 4;

/** An address whose name servers do not answer is asked for again sooner than one that has no name. */
const unansweredS = 300;

/** So many in a row, and it is not the addresses: the server is away. */
const maxUnanswered = 100;
const pauseS = 30;

/** There is no such name, or nothing of the kind that was asked for: RFC 2308. */
const nameless = ['ENOTFOUND', 'ENODATA'];
/** The server did not answer. Everything else is an answer: it can't or won't, or what it says can't be read. */
const unanswered = ['ETIMEOUT', 'ECONNREFUSED'];

export function createReverseNames({
  ask: askServer,
  limits,
  logger,
  count = () => undefined,
}: ReverseNamesOptions): ReverseNames {
  const found = createRecentMap<string, KnownName>(limits.foundEntries);
  const failed = createRecentMap<string, KnownName>(limits.failedEntries);
  /** Address → what gets its name; the first ones are under way. */
  const waiting = new Map<string, Named[]>();
  const queue: string[] = [];
  let active = 0;
  let started = 0;
  let timer: NodeJS.Timeout | undefined;
  let unansweredInRow = 0;
  let pausedUntilS = 0;
  let isSilent = false;
  let isStopped = false;
  const wakes = new Set<() => void>();

  let nowS = 0;

  function get(address: string): KnownName | undefined {
    const known = found.get(address);
    if (known !== undefined && known.dueS > nowS) return known;
    const none = failed.get(address);
    return none !== undefined && none.dueS > nowS ? none : undefined;
  }

  function name(named: Named): void {
    const known = get(named.text);
    if (known !== undefined) give(named, known);
    else {
      // In case that nobody answers, or the queue is full.
      named.hostnameDueS = nowS + againS;
      enqueue(named.text, named);
    }
  }

  function give(named: Named, { name, dueS }: KnownName): void {
    const hostname = name ?? named.text;
    if (named.hostname !== hostname) named.hostname = hostname;
    named.hostnameDueS = dueS;
  }

  function enqueue(address: string, named: Named | undefined): void {
    if (isStopped) return;
    if (nowS < pausedUntilS) {
      count('not-asked');
      return;
    }
    const others = waiting.get(address);
    if (others !== undefined) {
      if (named !== undefined && others.length < maxNamed && !others.includes(named)) others.push(named);
      return;
    }
    if (isNameless(address)) return;
    if (waiting.size >= maxWaiting) {
      count('not-asked');
      return;
    }
    waiting.set(address, named === undefined ? [] : [named]);
    queue.push(address);
    start();
  }

  function start(): void {
    while (active < maxConcurrent && started < maxStartedPerWindow) {
      const address = queue.shift();
      if (address === undefined) break;
      active += 1;
      started += 1;
      void resolve(address);
    }
    if (started === 0 || timer !== undefined || isStopped) return;
    timer = setTimeout(() => {
      timer = undefined;
      started = 0;
      start();
    }, windowMs);
    timer.unref();
  }

  async function resolve(address: string): Promise<void> {
    let known: KnownName | undefined;
    try {
      const answer = toHostname(await askServer(toPointerName(address) ?? ''));
      count(answer === undefined ? 'answer-unusable' : 'named');
      known = { name: answer, dueS: nowS + (answer === undefined ? limits.failedS : limits.foundS) };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      count(unanswered.includes(code) ? 'unanswered' : nameless.includes(code) ? 'nameless' : 'answer-failed');
      if (!unanswered.includes(code)) known = { name: undefined, dueS: nowS + limits.failedS };
    }
    if (isStopped) return;
    active -= 1;
    const named = waiting.get(address) ?? [];
    waiting.delete(address);
    if (known === undefined) noteUnanswered(address);
    else {
      noteAnswer();
      (known.name === undefined ? failed : found).add(address, known);
      for (const one of named) give(one, known);
    }
    start();
    if (waiting.size === 0) for (const wake of wakes) wake();
  }

  function noteAnswer(): void {
    unansweredInRow = 0;
    if (!isSilent) return;
    isSilent = false;
    logger.info('the name server answers again');
  }

  function noteUnanswered(address: string): void {
    unansweredInRow += 1;
    if (unansweredInRow < maxUnanswered) {
      failed.add(address, { name: undefined, dueS: nowS + Math.min(unansweredS, limits.failedS) });
      return;
    }
    unansweredInRow = 0;
    pausedUntilS = nowS + pauseS;
    // What is under way ends by itself.
    for (const waitingAddress of queue.splice(0)) {
      waiting.delete(waitingAddress);
      count('not-asked');
    }
    if (!isSilent) logger.warn(`the name server does not answer: it is asked again every ${pauseS} s`);
    isSilent = true;
  }

  function settled(maxMs: number): Promise<void> {
    if (waiting.size === 0) return Promise.resolve();
    return new Promise((done) => {
      const limit = setTimeout(end, maxMs);
      function end(): void {
        clearTimeout(limit);
        wakes.delete(end);
        done();
      }
      wakes.add(end);
    });
  }

  return {
    get nowS() {
      return nowS;
    },
    set nowS(seconds) {
      nowS = seconds;
    },
    get waiting() {
      return waiting.size;
    },
    get,
    name,
    ask: (address) => enqueue(address, undefined),
    settled,
    stop() {
      isStopped = true;
      clearTimeout(timer);
      waiting.clear();
      queue.length = 0;
      for (const wake of wakes) wake();
    },
  };
}
