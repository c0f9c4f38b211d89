// The templates and options facts of all exporters. Key: exporter address, protocol, observation domain, template id; never the port,
// for one router sends from several. Bounded so that a sender with many addresses can't push out those who send data.

import { createFactAccounts, type FactAccounts, type FactLimits } from './fact-accounts.ts';
import type { Element } from './information-elements.ts';
import type { DomainFacts } from './options-store.ts';
import { createRecencyList, type Listed, type RecencyList } from './recency-list.ts';
import { type SharedContent, type SharedPlans, toContentKey } from './shared-plans.ts';
import type { TemplateContent, TemplateKind, TemplateProtocol } from './template-record.ts';
import { withTaught } from './type-information.ts';

export interface Template extends Listed<Template> {
  readonly id: number;
  readonly domain: Domain;
  readonly shared: SharedContent;
  /** Number of the datagram that brought it. */
  readonly definedIn: number;
  /** By the store's own clock: when it was last defined, and how long after the time before; when data came for it. */
  definedAtMs: number;
  repeatedAfterMs: number;
  usedAtMs: number | undefined;
}

export interface Domain {
  readonly exporter: Exporter;
  readonly protocol: TemplateProtocol;
  readonly id: number;
  readonly templates: Map<number, Template>;
  facts: DomainFacts | undefined;
}

export interface Exporter extends Listed<Exporter> {
  readonly address: string;
  readonly domains: Map<number, Domain>;
  readonly templates: RecencyList<Template>;
  /** Elements that it described itself (RFC 5610), by `<pen>/<id>`. */
  readonly taught: Map<string, Element>;
  /** Those, and table entries in the facts of all its domains. */
  factCount: number;
  /** By the store's own clock. */
  heardAtMs: number;
  /** Has sent data for a template of an earlier datagram, as one spoofed datagram can't. */
  isUseful: boolean;
}

export interface TemplateStoreLimits extends Pick<FactLimits, 'maxFacts' | 'maxFactsPerExporter'> {
  readonly maxExporters: number;
  readonly maxTemplates: number;
  /** Of the field specifiers of all templates, as they came. */
  readonly maxTemplateBytes: number;
  readonly maxTemplatesPerExporter: number;
  /** Whoever sends nothing that templates are needed for, for so long, is forgotten. */
  readonly maxSilenceMs: number;
}

export interface TemplateStoreOptions extends FactLimits, TemplateStoreLimits {
  readonly plans: SharedPlans;
}

export interface TemplateStore {
  /** Changes whenever templates or facts do. */
  readonly version: number;
  readonly templateCount: number;
  readonly exporterCount: number;
  readonly factCount: number;
  /** The store's own clock. */
  readonly elapsedMs: number;
  beginDatagram(): void;
  /** The template of a data set that has just come. */
  use(address: string, protocol: TemplateProtocol, domain: number, id: number): Template | undefined;
  define(address: string, domain: number, id: number, content: TemplateContent): Template;
  withdraw(address: string, protocol: TemplateProtocol, domain: number, kind: TemplateKind, id: number | 'all'): void;
  readonly learn: FactAccounts['learn'];
  readonly adoptFacts: FactAccounts['adoptFacts'];
  readonly mergeFacts: FactAccounts['mergeFacts'];
  readonly adoptTaught: FactAccounts['adoptTaught'];
  expire(nowMs: number): void;
  markUseful(exporter: Exporter): void;
  /** Least recently useful first. */
  exporters(): Iterable<Exporter>;
  find(address: string): Exporter | undefined;
  findDomain(address: string, protocol: TemplateProtocol, id: number): Domain | undefined;
  /** Exporters of whom something new is known since the last call, and those who were heard from within `heardWithinMs`. */
  takeChanged(heardWithinMs: number): string[];
  markChanged(address: string): void;
  /** Runs `work`, whose changes come from elsewhere: nobody was heard, and nothing is new. */
  adopt(work: () => void): void;
}

const scanEveryMs = 60 * 60_000;

export function createTemplateStore(options: TemplateStoreOptions): TemplateStore {
  const { plans, onFault } = options;
  const byAddress = new Map<string, Exporter>();
  // Evicted in this order: whoever was not useful yet, then whoever was not for the longest time.
  const newcomers = createRecencyList<Exporter>();
  const useful = createRecencyList<Exporter>();
  const facts = createFactAccounts(options);
  let datagram = 0;
  let version = 0;
  let templateCount = 0;
  let templateBytes = 0;
  // Silence is counted in time that passed here: neither a clock that jumps nor a stop makes an exporter old.
  let elapsedMs = 0;
  let tickAtMs: number | undefined;
  let nextScanMs = scanEveryMs;
  /** Of exporters that are here. */
  const changed = new Set<string>();
  let isAdopting = false;

  function use(address: string, protocol: TemplateProtocol, domainId: number, id: number): Template | undefined {
    const exporter = byAddress.get(address);
    const template = exporter?.domains.get(toDomainKey(protocol, domainId))?.templates.get(id);
    if (exporter === undefined || template === undefined) return undefined;
    exporter.heardAtMs = elapsedMs;
    if (exporter.isUseful) useful.touch(exporter);
    else if (template.definedIn !== datagram) markUseful(exporter);
    exporter.templates.touch(template);
    template.usedAtMs = elapsedMs;
    return template;
  }

  function markUseful(exporter: Exporter): void {
    if (exporter.isUseful) return;
    newcomers.remove(exporter);
    exporter.isUseful = true;
    facts.keep(exporter);
    useful.add(exporter);
  }

  function define(address: string, domainId: number, id: number, untold: TemplateContent): Template {
    const exporter = exporterOf(address);
    if (!isAdopting) exporter.heardAtMs = elapsedMs;
    const content = withTaught(untold, exporter.taught);
    const domainKey = toDomainKey(content.protocol, domainId);
    let domain = exporter.domains.get(domainKey);
    const known = domain?.templates.get(id);
    if (known !== undefined) {
      if (known.shared.key === toContentKey(content)) {
        if (!isAdopting) noteRepeat(known);
        return known;
      }
      removeTemplate(known);
    } else keepToLimits(exporter, domain);
    makeRoom(exporter, domain, content.specifiers.length);
    if (domain === undefined) {
      domain = { exporter, protocol: content.protocol, id: domainId, templates: new Map(), facts: undefined };
      exporter.domains.set(domainKey, domain);
    }
    const shared = plans.share(content);
    const template: Template = {
      id,
      domain,
      shared,
      definedIn: datagram,
      definedAtMs: elapsedMs,
      repeatedAfterMs: 0,
      usedAtMs: undefined,
      newer: undefined,
      older: undefined,
    };
    domain.templates.set(id, template);
    exporter.templates.add(template);
    templateCount++;
    templateBytes += content.specifiers.length;
    version++;
    markChanged(address);
    return template;
  }

  function noteRepeat(template: Template): void {
    template.repeatedAfterMs = elapsedMs - template.definedAtMs;
    template.definedAtMs = elapsedMs;
  }

  function exporterOf(address: string): Exporter {
    const known = byAddress.get(address);
    if (known !== undefined) return known;
    if (byAddress.size >= options.maxExporters) evictExporter(undefined, `more than ${options.maxExporters} exporters`);
    const exporter: Exporter = {
      address,
      domains: new Map(),
      templates: createRecencyList(),
      taught: new Map(),
      factCount: 0,
      heardAtMs: elapsedMs,
      isUseful: false,
      newer: undefined,
      older: undefined,
    };
    byAddress.set(address, exporter);
    newcomers.add(exporter);
    return exporter;
  }

  /** Makes room for one more template of `domain`. */
  function keepToLimits(exporter: Exporter, domain: Domain | undefined): void {
    if (exporter.templates.size >= options.maxTemplatesPerExporter) forgetOldest(exporter, domain);
    if (templateCount >= options.maxTemplates) evictExporter(exporter, `more than ${options.maxTemplates} templates`);
  }

  /** For so many bytes of a template of `domain`: others go first, and then what the exporter itself used least recently. */
  function makeRoom(exporter: Exporter, domain: Domain | undefined, bytes: number): void {
    while (templateBytes > 0 && templateBytes + bytes > options.maxTemplateBytes) {
      if (!evictExporter(exporter, `more than ${options.maxTemplateBytes} bytes of templates`))
        forgetOldest(exporter, domain);
    }
  }

  function forgetOldest(exporter: Exporter, domain: Domain | undefined): void {
    const { oldest } = exporter.templates;
    if (oldest === undefined) return;
    const detail = `template ${oldest.id} of domain ${oldest.domain.id}`;
    onFault({ code: 'template-limit', exporter: exporter.address, detail });
    removeTemplate(oldest);
    if (oldest.domain !== domain) dropIfEmpty(oldest.domain);
  }

  /** False: there is no other. */
  function evictExporter(except: Exporter | undefined, reason: string): boolean {
    for (const list of [newcomers, useful]) {
      const exporter = list.oldest === except ? except?.newer : list.oldest;
      if (exporter === undefined) continue;
      forget(exporter);
      onFault({ code: 'exporter-limit', exporter: exporter.address, detail: reason });
      return true;
    }
    return false;
  }

  function forget(exporter: Exporter): void {
    for (const template of [...exporter.templates.items()]) removeTemplate(template);
    for (const domain of [...exporter.domains.values()]) dropIfEmpty(domain);
    (exporter.isUseful ? useful : newcomers).remove(exporter);
    byAddress.delete(exporter.address);
    changed.delete(exporter.address);
    facts.dropAll(exporter);
  }

  function expire(nowMs: number): void {
    // Called every second or so; more than a minute between two calls is a clock that was set, or a machine that slept.
    elapsedMs += Math.min(Math.max(0, nowMs - (tickAtMs ?? nowMs)), 60_000);
    tickAtMs = nowMs;
    if (elapsedMs < nextScanMs) return;
    nextScanMs = elapsedMs + scanEveryMs;
    for (const exporter of [...byAddress.values()]) {
      if (elapsedMs - exporter.heardAtMs > options.maxSilenceMs) forget(exporter);
    }
  }

  function removeTemplate(template: Template): void {
    template.domain.templates.delete(template.id);
    template.domain.exporter.templates.remove(template);
    plans.release(template.shared);
    templateCount--;
    templateBytes -= template.shared.content.specifiers.length;
    version++;
    markChanged(template.domain.exporter.address);
  }

  function markChanged(address: string): void {
    if (!isAdopting) changed.add(address);
  }

  function learn(...[domain, columns, rows]: Parameters<FactAccounts['learn']>): void {
    const before = facts.version;
    facts.learn(domain, columns, rows);
    if (facts.version !== before) markChanged(domain.exporter.address);
  }

  function takeChanged(heardWithinMs: number): string[] {
    if (heardWithinMs > 0) {
      for (const { address, heardAtMs } of byAddress.values()) {
        if (elapsedMs - heardAtMs <= heardWithinMs) changed.add(address);
      }
    }
    const taken = [...changed];
    changed.clear();
    return taken;
  }

  function adopt(work: () => void): void {
    isAdopting = true;
    try {
      work();
    } finally {
      isAdopting = false;
    }
  }

  /** Without templates nobody can use a domain's facts, and domains must not pile up. */
  function dropIfEmpty(domain: Domain): void {
    if (domain.templates.size > 0) return;
    domain.exporter.domains.delete(toDomainKey(domain.protocol, domain.id));
    facts.drop(domain);
  }

  function withdraw(
    address: string,
    protocol: TemplateProtocol,
    domainId: number,
    kind: TemplateKind,
    id: number | 'all',
  ): void {
    const domain = byAddress.get(address)?.domains.get(toDomainKey(protocol, domainId));
    if (domain === undefined) return;
    const templates = id === 'all' ? [...domain.templates.values()] : [domain.templates.get(id)];
    for (const template of templates) {
      if (template?.shared.content.kind === kind) removeTemplate(template);
    }
    dropIfEmpty(domain);
  }

  function* exporters(): Iterable<Exporter> {
    yield* newcomers.items();
    yield* useful.items();
  }

  return {
    get version() {
      return version + facts.version;
    },
    get templateCount() {
      return templateCount;
    },
    get factCount() {
      return facts.count;
    },
    get elapsedMs() {
      return elapsedMs;
    },
    get exporterCount() {
      return byAddress.size;
    },
    beginDatagram() {
      datagram++;
    },
    use,
    define,
    withdraw,
    learn,
    adoptFacts: facts.adoptFacts,
    mergeFacts: facts.mergeFacts,
    adoptTaught: facts.adoptTaught,
    expire,
    markUseful,
    exporters,
    find: (address) => byAddress.get(address),
    findDomain: (address, protocol, id) => byAddress.get(address)?.domains.get(toDomainKey(protocol, id)),
    takeChanged,
    markChanged,
    adopt,
  };
}

/** The domains of NetFlow v9 and of IPFIX are apart. */
function toDomainKey(protocol: TemplateProtocol, domain: number): number {
  return protocol === 'ipfix' ? domain + 0x1_0000_0000 : domain;
}
