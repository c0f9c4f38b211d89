// A datagram of any protocol to sets of rows. Never throws on data: what is wrong in a datagram goes to `onFault`.
// The first bytes tell the protocols apart (design: any port takes any protocol).

import type { Datagram } from '../model/datagram.ts';
import type { ExporterSign } from '../model/exporter-sign.ts';
import type { Fault } from '../model/fault.ts';
import type { RecordSet } from '../model/record.ts';
import type { SequenceChange, SequencePosition, SequenceReport } from '../model/sequence.ts';
import type { DecoderLevels } from '../telemetry/measures.ts';
import { type DecoderState, mergeTemplates, restoreTemplates, saveTemplates } from './decoder-state.ts';
import { type ExplainedSet, explainNetflow5, explainRecords, explainSflow5 } from './explain.ts';
import { type ExporterStatistic, toExporterStatistics } from './exporter-statistics.ts';
import { createExporterWatch } from './exporter-watch.ts';
import { createInformationElements, type InformationElements } from './information-elements.ts';
import { decodeIpfix } from './ipfix.ts';
import { createNetflow5 } from './netflow5.ts';
import { decodeNetflow9 } from './netflow9.ts';
import { createParkedSets } from './parked-sets.ts';
import { createSequences, type SequenceGap } from './sequence.ts';
import type { RecordCount } from './sequence-headers.ts';
import { createSflow5Decoder } from './sflow5.ts';
import { createSharedPlans, type SharedPlans } from './shared-plans.ts';
import { countTemplates, type TemplateCounts } from './template-counts.ts';
import { decodeParked, type TemplateContext } from './template-sets.ts';
import { enterprisesOf, toTemplateSigns } from './template-signs.ts';
import { createTemplateStore, type TemplateStoreLimits } from './template-store.ts';

export type { DecoderState } from './decoder-state.ts';

/** Bounds against hostile or broken senders. */
export interface DecoderLimits {
  readonly exporters: number;
  readonly templates: number;
  readonly templateBytes: number;
  readonly templatesPerExporter: number;
  readonly fieldsPerTemplate: number;
  readonly plans: number;
  readonly planBytes: number;
  readonly facts: number;
  readonly factsPerExporter: number;
  readonly silenceMs: number;
  readonly parkedBytes: number;
  readonly parkedBytesPerExporter: number;
  readonly parkedAgeMs: number;
  readonly sequences: number;
}

export const defaultDecoderLimits: DecoderLimits = {
  /** Ten times the largest networks we know of; 20 MB of templates when each sends twenty. */
  exporters: 20_000,
  /** Some 150 bytes each when their contents are shared, 500 when a hostile sender makes each one different. */
  templates: 250_000,
  /** Four of a usual field: 20,000 exporters with ten templates of twenty fields. In memory each byte is ten at the worst. */
  templateBytes: 16 * 1024 * 1024,
  /** Routers have up to a hundred, over all their line cards' domains. */
  templatesPerExporter: 2_000,
  /** The longest templates in the wild (nProbe with all its plug-ins) have some 300 fields. */
  fieldsPerTemplate: 1_000,
  /** Compiled readers: 10 KB each. Networks have a few hundred different templates. */
  plans: 4_000,
  /** 4,000 of 32 usual fields; a reader of 300 fields takes 50 KB. */
  planBytes: 512 * 1024,
  /** Sampling intervals, names of interfaces, applications and VRFs: some 100 bytes each, 350 when somebody makes them long. */
  facts: 200_000,
  /** A table of 1,500 applications, and names and descriptions of the interfaces of an access concentrator. */
  factsPerExporter: 20_000,
  /** No exporter that lives is silent for a week; an address that comes back later may be another device's. */
  silenceMs: 7 * 24 * 60 * 60_000,
  /** A fraction of the memory that weir may use, and a minute of a big exporter's data. */
  parkedBytes: 16 * 1024 * 1024,
  /** Eight exporters may be without templates at once before one's data displaces the other's. */
  parkedBytesPerExporter: 2 * 1024 * 1024,
  /** Fortinet repeats its templates after 15 to 30 minutes, others sooner. */
  parkedAgeMs: 30 * 60_000,
  /** Twice the exporters, for those with line cards: 500 bytes each. */
  sequences: 40_000,
};

/** One exporter, who sends in order: nothing needs to wait for long, and some hundred connections must not cost what they can't use. */
const sessionLimits = {
  exporters: 1,
  templates: 500,
  templateBytes: 256 * 1024,
  templatesPerExporter: 500,
  facts: 5_000,
  factsPerExporter: 5_000,
  parkedBytes: 128 * 1024,
  parkedBytesPerExporter: 128 * 1024,
} as const satisfies Partial<DecoderLimits>;

/** What of them concerns templates and what options data teach. */
export function toStoreLimits(limits: DecoderLimits): TemplateStoreLimits {
  return {
    maxExporters: limits.exporters,
    maxTemplates: limits.templates,
    maxTemplateBytes: limits.templateBytes,
    maxTemplatesPerExporter: limits.templatesPerExporter,
    maxFacts: limits.facts,
    maxFactsPerExporter: limits.factsPerExporter,
    maxSilenceMs: limits.silenceMs,
  };
}

/** Nobody mends more at a time. */
const maxSigns = 500;
const lookEveryMs = 5_000;

export interface DecoderOptions {
  readonly onFault: (fault: Fault) => void;
  /** Told what sequence numbers say was lost, reordered, sent twice, or restarted. */
  readonly onSequence?: (change: SequenceChange) => void;
  /** Told where the fields of each record stand. Slow: for people, not for flows. */
  readonly onExplained?: (set: ExplainedSet) => void;
  readonly limits?: Partial<DecoderLimits>;
  /** Default: the registries under data/. */
  readonly elements?: InformationElements;
  /** Sampled packets in tunnels (sFlow): the flow of the tunnel itself (default), or of the innermost packet. */
  readonly tunnels?: 'outer' | 'inner';
}

export interface Decoder {
  /** Sets that were parked and whose template this datagram brought come along, under the header they came with. */
  decode(datagram: Datagram): RecordSet[];
  /** Gives up parked sets that are older than `parkedAgeMs`, and exporters that were silent for `silenceMs`. Call it every second or so. */
  expire(nowMs: number): void;
  /** Templates and options tables, JSON-safe: of all exporters, or of those with these addresses. */
  saveState(addresses?: readonly string[]): DecoderState;
  /** Replaces what is known. Throws WeirError `file-invalid` on anything but a saved state, and then changes nothing. */
  restoreState(state: unknown): void;
  /**
   * Adds what another decoder knows. Returns what was parked and can be read now. Throws WeirError `file-invalid` on anything but a
   * saved state, and then changes nothing.
   */
  adoptState(state: unknown): RecordSet[];
  /**
   * Addresses of exporters of whom something new is known since the last call, but not by `adoptState`; and of those who were heard
   * from within `heardWithinMs` (by the clock of `expire`).
   */
  takeChanged(heardWithinMs: number): string[];
  /** What exporters last said of themselves in options data. */
  exporterStatistics(): ExporterStatistic[];
  /** Where the sequence numbers of each exporter and domain stand. */
  sequences(): Iterable<SequenceReport>;
  /** The records of the last datagram are handed on: whoever calls `takeReached` next answers for them. */
  markReached(): void;
  /** Where the sequence numbers stand that were marked since the last call; counters that make no sense are not in it. */
  takeReached(): SequencePosition[];
  /** What is missing between where an earlier process stood and the first datagram of this one; undefined: not known yet. */
  missedSince(former: SequencePosition): SequenceGap | undefined;
  /** How much it knows now, and signs of wrong exporters as of the last look, every five seconds of `expire`; sessions have their own. */
  levels(): DecoderLevels;
  /** The same of each exporter, at most so many. */
  templateCounts(maxExporters: number): ReadonlyMap<string, TemplateCounts>;
  /** Changes whenever `saveState` would give something new. */
  readonly stateVersion: number;
  /** For one TCP connection, whose templates are its own and are not saved (docs/decisions/0016). Compiled readers are shared. */
  openSession(): SessionDecoder;
}

export interface SessionDecoder {
  /** IPFIX messages only (RFC 7011 §10.4). */
  decode(datagram: Datagram): RecordSet[];
  expire(nowMs: number): void;
  /** Forgets its templates; sets that still wait for one are given up. */
  close(): void;
}

export function createDecoder(options: DecoderOptions): Decoder {
  const { onFault, onExplained, elements = createInformationElements() } = options;
  const limits: DecoderLimits = { ...defaultDecoderLimits, ...options.limits };
  const netflow5 = createNetflow5(onFault);
  const decodeSflow5 = createSflow5Decoder(options.tunnels === undefined ? {} : { tunnels: options.tunnels });
  const sequences = createSequences({ maxSpaces: limits.sequences, onChange: options.onSequence ?? (() => {}) });
  const watch = createExporterWatch({ maxExporters: limits.exporters });
  let signs: readonly ExporterSign[] = [];
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  const counted: RecordCount = { records: 0, optionsRecords: 0, isWhole: true };
  let versionBefore = 0;
  let context = createContext(
    createSharedPlans({ elements, maxPlans: limits.plans, maxPlanBytes: limits.planBytes }),
    limits,
    false,
  );

  function createContext(plans: SharedPlans, limits: DecoderLimits, heedsWithdrawals: boolean): TemplateContext {
    return {
      heedsWithdrawals,
      plans,
      elements,
      templates: createTemplateStore({
        plans,
        ...toStoreLimits(limits),
        onFault,
      }),
      parked: createParkedSets({
        maxBytes: limits.parkedBytes,
        maxBytesPerExporter: limits.parkedBytesPerExporter,
        maxAgeMs: limits.parkedAgeMs,
        onFault,
      }),
      maxFieldsPerTemplate: limits.fieldsPerTemplate,
      counted,
      onFault,
      ...(onExplained && { onRecords: (records) => onExplained(explainRecords(records, elements)) }),
    };
  }

  /** For protocols whose sequence numbers or whose look-alikes count records, which decoding tells. */
  function decodeSetsOf(version: 9 | 10, datagram: Datagram): RecordSet[] {
    context.templates.beginDatagram();
    counted.records = 0;
    counted.optionsRecords = 0;
    counted.isWhole = true;
    const sets = version === 9 ? decodeNetflow9(context, datagram) : decodeIpfix(context, datagram);
    if (version === 9) sequences.netflow9(datagram, counted);
    else sequences.ipfix(datagram, counted);
    return sets;
  }

  function explain(sets: readonly (ExplainedSet | undefined)[]): void {
    for (const set of sets) if (set !== undefined) onExplained?.(set);
  }

  function decode(datagram: Datagram): RecordSet[] {
    const sets = decodeAny(datagram);
    watch.observe(datagram, sets);
    return sets;
  }

  function decodeAny(datagram: Datagram): RecordSet[] {
    const { payload, exporter } = datagram;
    const version = payload.length < 2 ? -1 : payload.readUInt16BE(0);
    switch (version) {
      case 5:
        sequences.netflow5(datagram);
        if (onExplained !== undefined) explain([explainNetflow5(datagram)]);
        return netflow5.decode(datagram);
      case 9:
      case 10:
        return decodeSetsOf(version, datagram);
      case 0:
        if (payload.length < 4 || payload.readUInt32BE(0) !== 5) break;
        sequences.sflow5(datagram);
        if (onExplained !== undefined) explain(explainSflow5(datagram));
        return decodeSflow5(datagram, onFault);
    }
    const start = payload.toString('hex', 0, 4);
    const detail = payload.length === 0 ? 'empty datagram' : `${payload.length} bytes that begin with ${start}`;
    onFault({ code: 'protocol-unknown', exporter, detail });
    return [];
  }

  function expire(nowMs: number): void {
    context.parked.expire(nowMs);
    context.templates.expire(nowMs);
    if (Math.abs(nowMs - lookedAtMs) < lookEveryMs) return;
    lookedAtMs = nowMs;
    watch.expire(nowMs);
    signs = findSigns(nowMs);
  }

  function findSigns(nowMs: number): readonly ExporterSign[] {
    const traps = Array.from(
      sequences.interleaved(nowMs),
      ({ exporter, domain, counters }): ExporterSign => ({
        kind: 'gateway-trap',
        exporter,
        values: { counters, domain },
        enterprises: [],
      }),
    );
    const found = [...traps, ...toTemplateSigns(context.templates, context.parked, nowMs), ...watch.signs()];
    return found
      .slice(0, maxSigns)
      .map((sign) => ({ ...sign, enterprises: enterprisesOf(context.templates, sign.exporter) }));
  }

  /** What the state says, apart from what is known. */
  function readState(state: unknown): TemplateContext {
    const read = createContext(
      createSharedPlans({ elements, maxPlans: limits.plans, maxPlanBytes: limits.planBytes }),
      limits,
      false,
    );
    restoreTemplates(read.templates, state, {
      maxFields: limits.fieldsPerTemplate,
      maxFactsPerExporter: limits.factsPerExporter,
    });
    return read;
  }

  function restoreState(state: unknown): void {
    const restored: TemplateContext = { ...readState(state), parked: context.parked };
    versionBefore += context.templates.version + 1;
    context = restored;
    // What was saved once need not be saved again.
    context.templates.takeChanged(0);
  }

  function adoptState(state: unknown): RecordSet[] {
    const sets: RecordSet[] = [];
    const adopted = mergeTemplates(context.templates, readState(state).templates);
    if (context.parked.size === 0) return sets;
    for (const { protocol, address, domain, id } of adopted) decodeParked(context, protocol, address, domain, id, sets);
    return sets;
  }

  function openSession(): SessionDecoder {
    const session = createContext(context.plans, { ...limits, ...sessionLimits }, true);
    return {
      decode(datagram) {
        session.templates.beginDatagram();
        return decodeIpfix(session, datagram);
      },
      expire: (nowMs) => session.parked.expire(nowMs),
      close() {
        session.parked.expire(Number.POSITIVE_INFINITY);
        for (const { address, domains } of [...session.templates.exporters()]) {
          for (const { protocol, id } of [...domains.values()]) {
            session.templates.withdraw(address, protocol, id, 'flow', 'all');
            session.templates.withdraw(address, protocol, id, 'options', 'all');
          }
        }
      },
    };
  }

  return {
    decode,
    expire,
    saveState: (addresses) => saveTemplates(context.templates, addresses),
    takeChanged: (heardWithinMs) => context.templates.takeChanged(heardWithinMs),
    adoptState,
    exporterStatistics: () => toExporterStatistics(context.templates),
    restoreState,
    sequences: sequences.reports,
    markReached: sequences.markReached,
    takeReached: sequences.takeReached,
    missedSince: sequences.missedSince,
    levels: () => ({
      signs,
      exporters: context.templates.exporterCount,
      templates: context.templates.templateCount,
      facts: context.templates.factCount,
      parkedSets: context.parked.size,
      statistics: toExporterStatistics(context.templates),
    }),
    templateCounts: (maxExporters) => countTemplates(context.templates, maxExporters),
    get stateVersion() {
      return versionBefore + context.templates.version;
    },
    openSession,
  };
}
