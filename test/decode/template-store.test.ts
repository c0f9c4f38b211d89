import { describe, expect, it } from 'vitest';
import { createInformationElements } from '../../src/decode/information-elements.ts';
import { createSharedPlans } from '../../src/decode/shared-plans.ts';
import type { TemplateContent } from '../../src/decode/template-record.ts';
import { createTemplateStore, type TemplateStoreOptions } from '../../src/decode/template-store.ts';
import { netflow9, netflow9Template, set, uint } from './datagram-builder.ts';
import { createFeed, type Feed } from './feed.ts';

const template = (id: number, length = 4) => netflow9Template({ id, fields: [{ id: 1, length }] });
const define = (feed: Feed, id: number, exporter: string) => feed.sets(netflow9([set(0, template(id))]), { exporter });
const data = (id: number) => netflow9([set(id, uint(1, 4))]);
const knows = (feed: Feed, id: number, exporter: string) => feed.sets(data(id), { exporter }).length > 0;

describe('the limit of templates of one exporter', () => {
  it('makes it forget the one used least recently, and counts that', () => {
    const feed = createFeed({ templatesPerExporter: 2 });
    define(feed, 256, 'a');
    define(feed, 257, 'a');
    feed.sets(data(256), { exporter: 'a' });
    expect(feed.faults).toEqual([]);
    define(feed, 258, 'a');
    expect(feed.faults).toEqual(['template-limit']);
    expect([256, 257, 258].map((id) => knows(feed, id, 'a'))).toEqual([true, false, true]);
  });

  it('is not touched by templates that are sent again or changed', () => {
    const feed = createFeed({ templatesPerExporter: 2 });
    define(feed, 256, 'a');
    define(feed, 257, 'a');
    define(feed, 257, 'a');
    feed.sets(netflow9([set(0, template(257, 8))]), { exporter: 'a' });
    expect(feed.faults).toEqual([]);
    expect(knows(feed, 256, 'a')).toBe(true);
  });

  it('holds over all observation domains', () => {
    const feed = createFeed({ templatesPerExporter: 3 });
    for (let domain = 0; domain < 10; domain++) feed.sets(netflow9([set(0, template(256))], { domain }));
    expect(feed.faults).toEqual(Array(7).fill('template-limit'));
  });
});

describe('the limit of exporters', () => {
  it('pushes out those who have sent no data yet, never one that sends data', () => {
    const feed = createFeed({ exporters: 10 });
    define(feed, 256, 'live');
    expect(knows(feed, 256, 'live')).toBe(true);
    for (let i = 0; i < 1000; i++) {
      // A spoofed datagram with a template and its data, from an address that is never seen again.
      feed.sets(netflow9([set(0, template(256)), set(256, uint(1, 4))]), { exporter: `spoofed ${i}` });
    }
    expect(knows(feed, 256, 'live')).toBe(true);
    expect(feed.faults).toEqual(Array(991).fill('exporter-limit'));
  });

  it('pushes out the one that was not useful for the longest time when all are useful', () => {
    const feed = createFeed({ exporters: 2 });
    for (const exporter of ['a', 'b']) {
      define(feed, 256, exporter);
      feed.sets(data(256), { exporter });
    }
    feed.sets(data(256), { exporter: 'a' });
    define(feed, 256, 'c');
    expect(['a', 'b', 'c'].map((exporter) => knows(feed, 256, exporter))).toEqual([true, false, true]);
  });
});

describe('a template store', () => {
  function createStore(limits: Partial<TemplateStoreOptions> = {}) {
    const plans = createSharedPlans({ elements: createInformationElements(), maxPlans: 3, maxPlanBytes: 100 });
    const store = createTemplateStore({
      plans,
      maxExporters: 100,
      maxTemplates: 1000,
      maxTemplateBytes: 1e6,
      maxTemplatesPerExporter: 100,
      maxFacts: 100,
      maxFactsPerExporter: 10,
      maxSilenceMs: 1000,
      onFault: () => {},
      ...limits,
    });
    return { plans, store };
  }
  const content = (length: number): TemplateContent => ({
    protocol: 'ipfix',
    kind: 'flow',
    scopeCount: 0,
    specifiers: Buffer.from([0, 1, 0, length]).toString('latin1'),
  });

  it('keeps equal contents once and forgets them with their last template', () => {
    const { plans, store } = createStore();
    for (let i = 0; i < 50; i++) store.define(`exporter ${i}`, 0, 256, content(4));
    expect([store.templateCount, plans.contentCount]).toEqual([50, 1]);
    for (let i = 0; i < 50; i++) store.withdraw(`exporter ${i}`, 'ipfix', 0, 'flow', 256);
    expect([store.templateCount, plans.contentCount, plans.planCount]).toEqual([0, 0, 0]);
  });

  it('keeps no more plans than the limit, and makes them again when they are needed', () => {
    const { plans, store } = createStore();
    const templates = Array.from({ length: 10 }, (_, i) => store.define('a', 0, 256 + i, content(i + 1)));
    for (const { shared } of templates) plans.planOf(shared);
    expect(plans.planCount).toBe(3);
    expect(plans.planOf(templates[0]!.shared).shortestRecord).toBe(1);
    expect(plans.planOf(templates[0]!.shared)).toBe(plans.planOf(templates[0]!.shared));
  });

  it('keeps no more plans than the limit of their bytes', () => {
    const { plans, store } = createStore();
    const long = { ...content(4), specifiers: content(4).specifiers.repeat(24) };
    for (const [at, each] of [content(1), content(2), long, content(3)].entries()) {
      plans.planOf(store.define('a', 0, 256 + at, each).shared);
      expect(plans.planCount).toBe([1, 2, 2, 2][at]);
    }
    for (const { shared } of [...(store.find('a')?.templates.items() ?? [])]) plans.planOf(shared);
    store.withdraw('a', 'ipfix', 0, 'flow', 'all');
    plans.planOf(store.define('a', 0, 256, long).shared);
    plans.planOf(store.define('a', 0, 257, content(1)).shared);
    expect(plans.planCount).toBe(2);
  });

  it('keeps to the limit of all templates by forgetting other exporters', () => {
    const { store } = createStore({ maxTemplates: 20 });
    for (let i = 0; i < 30; i++) {
      for (let id = 256; id < 261; id++) store.define(`exporter ${i}`, 0, id, content(4));
    }
    expect(store.templateCount).toBeLessThanOrEqual(20);
    expect(store.use('exporter 29', 'ipfix', 0, 256)).toBeDefined();
    expect(store.use('exporter 0', 'ipfix', 0, 256)).toBeUndefined();
  });

  it('keeps to the limit of bytes of all templates, shared ones too, by forgetting other exporters, and the oldest of the last', () => {
    const faults: string[] = [];
    const { store } = createStore({ maxTemplateBytes: 100, onFault: ({ code }) => faults.push(code) });
    const long = (fields: number) => ({ ...content(4), specifiers: content(4).specifiers.repeat(fields) });
    for (let i = 0; i < 10; i++) store.define(`exporter ${i}`, 0, 256, long(10));
    expect([store.templateCount, store.exporterCount]).toEqual([2, 2]);
    expect(faults).toEqual(Array(8).fill('exporter-limit'));
    // One that is changed counts, too.
    store.define('exporter 9', 0, 256, long(20));
    expect([store.templateCount, store.exporterCount]).toEqual([1, 1]);
    for (let id = 300; id < 310; id++) store.define('exporter 9', id, id, long(10));
    expect(store.templateCount).toBe(2);
    expect(store.use('exporter 9', 'ipfix', 309, 309)).toBeDefined();
    expect(faults.at(-1)).toBe('template-limit');
    // What alone is more than the limit stays alone.
    store.define('exporter 9', 0, 256, long(50));
    expect([store.templateCount, store.find('exporter 9')?.domains.size]).toEqual([1, 1]);
  });

  it('forgets exporters after a week’s silence, and nobody sooner, whatever the clock does', () => {
    const hour = 60 * 60_000;
    const { store, plans } = createStore({ maxSilenceMs: 168 * hour });
    let now = 1_700_000_000_000;
    const pass = (hours: number) => {
      for (const end = now + hours * hour; now < end; now += 60_000) store.expire(now);
    };
    store.define('silent', 0, 256, content(4));
    store.define('alive', 0, 256, content(8));
    // Only data: an exporter that sends its templates once is not silent.
    for (let day = 0; day < 6; day++) {
      pass(24);
      store.use('alive', 'ipfix', 0, 256);
    }
    // The clock is set: a year on, and back.
    store.expire(now + 365 * 24 * hour);
    store.expire(now);
    expect(store.exporterCount).toBe(2);
    pass(26);
    expect(store.exporterCount).toBe(1);
    expect(plans.contentCount).toBe(1);
    expect(store.use('alive', 'ipfix', 0, 256)).toBeDefined();
    expect(store.use('silent', 'ipfix', 0, 256)).toBeUndefined();
  });

  it('lets whoever sends data learn, however many facts strangers bring', () => {
    const evicted: string[] = [];
    const { store, plans } = createStore({
      maxFacts: 20,
      onFault: ({ code, exporter }) => evicted.push(`${code} ${exporter}`),
    });
    const options: TemplateContent = {
      protocol: 'ipfix',
      kind: 'options',
      scopeCount: 1,
      specifiers: Buffer.from('012e000400220004', 'hex').toString('latin1'),
    };
    const learn = (address: string, count: number) => {
      const { domain, shared } = store.define(address, 0, 400, options);
      const { teaches } = plans.planOf(shared);
      store.learn(
        domain,
        teaches!,
        Array.from({ length: count }, (_, i) => [i, 100]),
      );
      return domain;
    };
    store.markUseful(learn('known', 2).exporter);
    for (let i = 0; i < 5; i++) learn(`stranger ${i}`, 10);
    const { facts } = learn('known', 8);
    expect(facts?.selectors.size).toBe(8);
    expect(evicted.every((line) => line.startsWith('exporter-limit stranger'))).toBe(true);
    expect(evicted.length).toBeGreaterThan(0);
  });

  it('changes its version with each new, changed or withdrawn template, and with nothing else', () => {
    const { store } = createStore();
    const versions = [() => store.define('a', 0, 256, content(4)), () => store.define('a', 0, 256, content(8))];
    for (const change of [...versions, () => store.withdraw('a', 'ipfix', 0, 'flow', 'all')]) {
      const before = store.version;
      change();
      expect(store.version).not.toBe(before);
    }
    store.define('a', 0, 256, content(4));
    const before = store.version;
    store.define('a', 0, 256, content(4));
    store.use('a', 'ipfix', 0, 256);
    store.withdraw('a', 'ipfix', 0, 'options', 'all');
    store.withdraw('a', 'ipfix', 1, 'flow', 'all');
    expect(store.version).toBe(before);
  });
});
