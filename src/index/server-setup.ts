// Before the first document: is it a server that weir is made for, has it our templates, and was the index that documents go to
// made from them? Puts what is missing, or says what to do. A server that has come back is asked again.

import { WeirError } from '../model/errors.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { type Product, toProduct } from './elasticsearch-product.ts';
import { createIndexLayout } from './index-layout.ts';
import { flowKind, readIndexTemplates, toMarker } from './index-template.ts';
import { asRecord, readAnswer } from './server-answer.ts';
import { planSetup, type SetupPlan } from './setup-plan.ts';

export interface ServerSetupOptions {
  readonly client: ElasticsearchClient;
  /** `index.name` */
  readonly indexName: string;
  readonly keepMs?: number;
  readonly rollOverBytes?: number;
  /** Put what is missing; false: only look. */
  readonly apply?: boolean;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface ServerSetup {
  /** Throws WeirError: `sink-refused` when somebody must do something first, `sink-unavailable` when the server is away. */
  prepare(signal: AbortSignal): Promise<void>;
  /** What `prepare` would do, with the difference to what is there. */
  plan(options: { readonly force: boolean }, signal: AbortSignal): Promise<{ product: Product; plan: SetupPlan }>;
  /** Throws WeirError `sink-refused` when the index of now has other fields than our template. */
  checkWriteIndex(signal: AbortSignal): Promise<void>;
}

/** Of a wrong index so many fields are named. */
const maxNamedFields = 3;

export function createServerSetup({
  client,
  indexName,
  keepMs,
  rollOverBytes,
  apply = true,
  logger,
  now,
}: ServerSetupOptions): ServerSetup {
  const rollover = rollOverBytes === undefined ? {} : { rollOverBytes };
  const layout = createIndexLayout({ indexName, ...rollover, now });
  const lifecycle = keepMs === undefined ? {} : { keepMs };
  const pass = createRateLimit({ times: 1 });

  async function askProduct(signal: AbortSignal): Promise<Product> {
    return toProduct(await client.request({ method: 'GET', path: '/' }, signal), client.productCheck);
  }

  async function prepare(signal: AbortSignal): Promise<void> {
    const product = await askProduct(signal);
    if (pass('product', now()) !== undefined)
      logger.info(
        { address: client.address, product: product.name, version: product.version, remark: product.remark },
        'connected',
      );
    const { conflicts, actions } = await planSetup({ client, product, layout, lifecycle }, signal);
    const [conflict] = conflicts;
    if (conflict !== undefined) throw conflict;
    for (const { what, does, isNeeded, note, run } of actions) {
      if (does !== 'keep') {
        if (apply) {
          await run(signal);
          logger.info({ what, done: does }, 'Elasticsearch is set up');
        } else if (does === 'create' && isNeeded) throw missing(what);
      }
      const isLeft = does === 'keep' ? note !== undefined : !apply && isNeeded;
      if (isLeft && pass(what, now()) !== undefined)
        logger.warn({ what, reason: note ?? 'it is older; weir setup renews it' }, 'Elasticsearch is left as it is');
    }
    await checkWriteIndex(signal);
  }

  async function checkWriteIndex(signal: AbortSignal): Promise<void> {
    const path = `/${encodeURIComponent(layout.writeTarget())}/_mapping`;
    const privilege = `the privilege "view_index_metadata" on ${layout.pattern}`;
    const ask = async (query: Readonly<Record<string, string>>) => {
      const answer = await client.request({ method: 'GET', path, query }, signal);
      // Not there yet.
      return answer.status === 404
        ? {}
        : readAnswer(answer, { what: `read the fields of ${layout.pattern}`, privilege });
    };
    const found = await ask({ filter_path: '*.mappings._meta,*.mappings.dynamic' });
    const names = Object.entries(found).filter(
      ([name, index]) => layout.isOwn(name) && toMarker(asRecord(index)?.['mappings']) === undefined,
    );
    // An index without any field is filtered out whole; it has no marker either.
    if (names.length === 0 && Object.keys(found).length > 0) return;
    const fields = await ask({});
    const templates = await readIndexTemplates({ naming: layout.naming, flowPattern: layout.pattern });
    const wanted = toTypes(templates.find(({ kind }) => kind === flowKind)?.mappings);
    for (const [name, index] of Object.entries(fields)) {
      const mappings = asRecord(index)?.['mappings'];
      if (!layout.isOwn(name) || toMarker(mappings) !== undefined) continue;
      const types = toTypes(mappings);
      const wrong = mainFields.filter((field) => types.get(field) !== wanted.get(field));
      if (wrong.length > 0) throw wrongIndex(name, wrong, types, wanted);
    }
  }

  return {
    prepare,
    async plan({ force }, signal) {
      const product = await askProduct(signal);
      return {
        product,
        plan: await planSetup({ client, product, layout, lifecycle, force, withDifference: true }, signal),
      };
    },
    checkWriteIndex,
  };
}

/** What every dashboard needs. An index that has these as we do, such as ElastiFlow's own, can be written to. */
const mainFields = ['@timestamp', 'flow.src_addr', 'flow.dst_addr', 'flow.bytes', 'flow.dst_port', 'flow.service_name'];

function toTypes(mappings: unknown): ReadonlyMap<string, string> {
  const types = new Map<string, string>();
  function add(properties: unknown, path: string): void {
    for (const [name, value] of Object.entries(asRecord(properties) ?? {})) {
      const { type, properties: below } = asRecord(value) ?? {};
      if (typeof type === 'string') types.set(path + name, type);
      add(below, `${path}${name}.`);
    }
  }
  add(asRecord(mappings)?.['properties'], '');
  return types;
}

function wrongIndex(
  name: string,
  wrong: readonly string[],
  types: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
): WeirError {
  const shown = wrong
    .slice(0, maxNamedFields)
    .map((field) => `${field} is ${types.get(field) ?? 'missing'}, not ${wanted.get(field)}`);
  const more = wrong.length > maxNamedFields ? ', …' : '';
  return new WeirError(
    'sink-refused',
    `the index ${name} was not made from weir's template: ${shown.join(', ')}${more}`,
    { hint: 'Delete or reindex it under another name (docs/upgrading.md), or choose another index.name.' },
  );
}

function missing(what: string): WeirError {
  return new WeirError('sink-refused', `the ${what} is missing, and "setup: false" forbids to put it`, {
    hint: 'Run weir setup, once, as a user who may.',
  });
}
