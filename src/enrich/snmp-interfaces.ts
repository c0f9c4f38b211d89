// Interfaces of exporters by SNMP, asked for in the background and remembered. No batch waits: an answer serves the flows that come
// then, and what an agent said before goes on to count while it is asked again, and when it is silent. Only exporters that send are asked.

import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import type { ReadSnmpTable, SnmpInterface } from './snmp-agent.ts';
import { agentFinder, type SnmpSettings } from './snmp-settings.ts';

export interface SnmpInterfacesOptions {
  readonly settings: SnmpSettings;
  readonly readTable: ReadSnmpTable;
  readonly logger: Logger;
  /** `agent-read`, `agent-failed`, `agent-in-part`. */
  readonly count?: (outcome: string) => void;
}

export interface SnmpInterfaces {
  /** Time of the flows at hand, ms since 1970. */
  nowMs: number;
  /** What is known now; asks for it where it is time to. */
  lookup(exporter: string, index: number): SnmpInterface | undefined;
  /** What is under way is given up. */
  stop(): Promise<void>;
}

/** As many as the ledger counts: spoofed ones push others out, no more. */
const maxExporters = 10_000;
/** Of all exporters together: 100 bytes each. */
const maxInterfacesInAll = 500_000;
/** The next flows of those beyond ask again. */
const maxWaiting = 1000;
/** An agent that does not answer is asked again sooner than one that does, not with each flow. */
const againMs = 5 * 60_000;
/** For all questions to one agent: 10,000 interfaces, 25 at a time, at 30 ms. */
const maxMs = 60_000;

interface Known {
  interfaces: ReadonlyMap<number, SnmpInterface>;
  dueMs: number;
}

const none: ReadonlyMap<number, SnmpInterface> = new Map();

export function createSnmpInterfaces({
  settings,
  readTable,
  logger,
  count = () => undefined,
}: SnmpInterfacesOptions): SnmpInterfaces {
  const agentOf = agentFinder(settings);
  const known = new Map<string, Known>();
  const waiting: string[] = [];
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  const pass = createRateLimit();
  const limits = {
    timeoutMs: settings.timeout,
    retries: settings.retries,
    maxInterfaces: settings.interfaces,
    maxMs,
  };
  let interfacesInAll = 0;
  let failures = 0;
  let nowMs = 0;
  let last = '';
  let lastKnown: Known | undefined;

  function lookup(exporter: string, index: number): SnmpInterface | undefined {
    if (exporter !== last || lastKnown === undefined) {
      last = exporter;
      lastKnown = known.get(exporter) ?? add(exporter);
    }
    if (lastKnown.dueMs <= nowMs) enqueue(exporter, lastKnown);
    return lastKnown.interfaces.get(index);
  }

  function add(exporter: string): Known {
    const [oldest] = known.size >= maxExporters ? known : [];
    if (oldest !== undefined) {
      interfacesInAll -= oldest[1].interfaces.size;
      known.delete(oldest[0]);
    }
    const added = { interfaces: none, dueMs: agentOf(exporter) === undefined ? Number.POSITIVE_INFINITY : 0 };
    known.set(exporter, added);
    return added;
  }

  function enqueue(exporter: string, entry: Known): void {
    if (stopping.signal.aborted || waiting.length >= maxWaiting) return;
    // Until its answer says when.
    entry.dueMs = Number.POSITIVE_INFINITY;
    waiting.push(exporter);
    start();
  }

  function start(): void {
    while (underWay.size < settings.concurrency && !stopping.signal.aborted) {
      const exporter = waiting.shift();
      if (exporter === undefined) return;
      const work = poll(exporter).finally(() => {
        underWay.delete(work);
        start();
      });
      underWay.add(work);
    }
  }

  async function poll(exporter: string): Promise<void> {
    const agent = agentOf(exporter);
    if (agent === undefined) return;
    let waitMs = settings.every;
    try {
      const { interfaces, refused, isCut } = await readTable(exporter, agent, limits, stopping.signal);
      const isTaken = take(exporter, interfaces);
      count(isTaken && !isCut && refused === 0 ? 'agent-read' : 'agent-in-part');
      if (!isTaken) fault(exporter, 'all exporters together have more interfaces than are remembered');
      else if (isCut) fault(exporter, `it has more than ${settings.interfaces} interfaces: the others are left out`);
      else if (refused > 0) fault(exporter, `${refused} values are of a wrong type, too long, or no text: left out`);
    } catch (error) {
      count('agent-failed');
      waitMs = Math.min(againMs, settings.every);
      fault(exporter, error instanceof Error ? error.message : String(error));
    }
    const entry = known.get(exporter);
    if (entry !== undefined) entry.dueMs = nowMs + waitMs;
  }

  /** False: there is no room for them. */
  function take(exporter: string, interfaces: ReadonlyMap<number, SnmpInterface>): boolean {
    const entry = known.get(exporter);
    if (entry === undefined) return true;
    const more = interfaces.size - entry.interfaces.size;
    if (interfacesInAll + more > maxInterfacesInAll) return false;
    interfacesInAll += more;
    entry.interfaces = interfaces;
    return true;
  }

  function fault(exporter: string, reason: string): void {
    if (stopping.signal.aborted) return;
    failures += 1;
    const heldBack = pass(exporter, nowMs);
    if (heldBack === undefined) return;
    logger.warn(
      { step: 'interfaces', exporter, reason, failures, ...(heldBack > 0 && { heldBack }) },
      'the interfaces of an exporter could not be read by SNMP in full: what was known before stays in use',
    );
  }

  return {
    get nowMs() {
      return nowMs;
    },
    set nowMs(ms) {
      nowMs = ms;
    },
    lookup,
    async stop() {
      stopping.abort();
      waiting.length = 0;
      await Promise.all(underWay);
    },
  };
}
