// A server to measure: real Elasticsearch with the optimizing compiler; documents go in by two connections.

import { setTimeout as sleep } from 'node:timers/promises';
import { type ElasticsearchVersion, startElasticsearch } from '../../test/servers/elasticsearch/index.ts';
import { cpuSeconds, threadCpuSeconds } from '../processes.ts';
import type { DocumentFile } from './documents.ts';
import type { Template } from './template.ts';

export interface Load {
  readonly seconds: number;
  /** Of the server, until its background merges ended; without the JVM's compilers, whose work is done on a warm server. */
  readonly cpuSeconds: number;
  readonly documents: number;
}

export interface LoadOptions {
  /** weir names its documents, so that each is there once; Logstash lets the server do it. */
  readonly ids: 'ours' | 'its own';
  readonly documentsPerRequest: number;
  /** The first ones only. */
  readonly documents?: number;
}

export interface BenchServer {
  readonly url: string;
  readonly pid: number;
  ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer>;
  create(index: string, template: Template): Promise<void>;
  load(index: string, file: DocumentFile, options: LoadOptions): Promise<Load>;
  /** One segment; returns bytes per document. */
  merge(index: string): Promise<number>;
  stop(): Promise<void>;
}

const connections = 2;

export async function startBenchServer(version: ElasticsearchVersion): Promise<BenchServer> {
  const server = await startElasticsearch({ version, javaOptions: ['-Xms1500m', '-Xmx1500m'] });
  const { url, ask, stop } = server;

  async function create(index: string, { settings, mappings }: Template): Promise<void> {
    await ask('PUT', `/${index}`, { settings, mappings });
  }

  async function load(
    index: string,
    file: DocumentFile,
    { ids, documentsPerRequest, documents = file.count }: LoadOptions,
  ): Promise<Load> {
    const action = ids === 'ours' ? (id: string) => `{"create":{"_id":"${id}"}}\n` : () => '{"index":{}}\n';
    const cpuBefore = usedSeconds(server.pid);
    const startedAt = performance.now();
    let next = 0;
    const sender = async (): Promise<void> => {
      while (next < documents) {
        const from = next;
        next = Math.min(documents, from + documentsPerRequest);
        const body = file.body(from, next, action);
        await sendBulk(url, index, body);
      }
    };
    await Promise.all(Array.from({ length: connections }, sender));
    const seconds = (performance.now() - startedAt) / 1000;
    await ask('POST', `/${index}/_refresh`);
    while ((await mergesUnderWay(index)) > 0) await sleep(200);
    return { seconds, cpuSeconds: usedSeconds(server.pid) - cpuBefore, documents };
  }

  async function mergesUnderWay(index: string): Promise<number> {
    interface Stats {
      readonly _all: { readonly total: { readonly merges: { readonly current: number } } };
    }
    return (await ask<Stats>('GET', `/${index}/_stats/merge`))._all.total.merges.current;
  }

  async function merge(index: string): Promise<number> {
    interface Stats {
      readonly _all: {
        readonly primaries: {
          readonly store: { readonly size_in_bytes: number };
          readonly docs: { readonly count: number };
        };
      };
    }
    await ask('POST', `/${index}/_forcemerge?max_num_segments=1`);
    await ask('POST', `/${index}/_flush?force=true`);
    await ask('POST', `/${index}/_refresh`);
    const { store, docs } = (await ask<Stats>('GET', `/${index}/_stats/store,docs`))._all.primaries;
    return store.size_in_bytes / docs.count;
  }

  return {
    url,
    get pid() {
      return server.pid;
    },
    ask,
    create,
    load,
    merge,
    stop,
  };
}

/** Throws when a document is refused. */
export async function sendBulk(url: string, index: string, body: Buffer): Promise<void> {
  const response = await fetch(`${url}/${index}/_bulk?filter_path=errors,items.*.error`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body,
  });
  const answer = (await response.json()) as { readonly errors: boolean };
  if (answer.errors) throw new Error(`${index}: ${JSON.stringify(answer).slice(0, 500)}`);
}

function usedSeconds(pid: number): number {
  return cpuSeconds(pid) - threadCpuSeconds(pid, /Compiler/);
}
