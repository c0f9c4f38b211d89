// Each stage of this process: how much goes through it, how long it takes, how full it is.

import type { BufferLevels } from '../../collect/udp-listener.ts';
import type { Levels } from '../../telemetry/measures.ts';
import type { Change } from './status.ts';
import type { StageStatus, StatusReport } from './status-report.ts';

export interface StageSource {
  readonly part: StatusReport['weir']['part'];
  readonly change: Change;
  readonly levels: Levels;
  /** Batches that may be in the hands of enrich and index at a time. */
  readonly lanes: number;
  /** Of the queue. */
  readonly maxBytes: number;
  readonly receiveBuffers?: BufferLevels;
  readonly nowMs: number;
}

export function toStages(source: StageSource): StageStatus[] {
  const { part } = source;
  return [
    ...(part === 'work' ? [] : [toCollect(source), toDecode(source)]),
    toEnqueue(source),
    ...(part === 'listen' ? [] : [toEnrich(source), toIndex(source)]),
  ];
}

function toCollect({ change, receiveBuffers }: StageSource): StageStatus {
  const { waitingBytes = 0, maxBytes = 0 } = receiveBuffers ?? {};
  return {
    name: 'collect',
    unit: 'datagrams',
    rate: change('datagrams'),
    ...(maxBytes > 0 && { saturation: toShare(waitingBytes, maxBytes), saturationOf: 'the receive buffer' }),
  };
}

function toDecode({ change, levels }: StageSource): StageStatus {
  const isElsewhere = (levels.workers ?? []).length > 0;
  return {
    name: 'decode',
    unit: 'records',
    rate: change('records'),
    ...(!isElsewhere && {
      ...toLatency(change('decodeMs'), change('decodePieces')),
      saturation: toShare(change('decodeMs'), 1000),
      saturationOf: 'the time of this process',
    }),
  };
}

function toEnqueue({ part, change, levels: { queue }, maxBytes, nowMs }: StageSource): StageStatus {
  return {
    name: 'enqueue',
    unit: 'records',
    rate: part === 'work' ? change('enriched') : change('queued'),
    ...(queue !== undefined && {
      latencyMs: Math.max(0, nowMs - (queue.oldestAtMs ?? nowMs)),
      saturation: toShare(queue.bytes, maxBytes),
      saturationOf: 'the queue',
    }),
  };
}

function toEnrich({ change }: StageSource): StageStatus {
  return {
    name: 'enrich',
    unit: 'records',
    rate: change('enriched'),
    ...toLatency(change('enrichMs'), change('enrichPieces')),
    saturation: toShare(change('enrichMs'), 1000),
    saturationOf: 'the time of this process',
  };
}

function toIndex({ change, lanes }: StageSource): StageStatus {
  return {
    name: 'index',
    unit: 'documents',
    rate: change('documents'),
    ...toLatency(change('indexMs'), change('indexPieces')),
    saturation: toShare(change('indexMs'), 1000 * lanes),
    saturationOf: lanes === 1 ? 'the one write at a time' : `${lanes} writes at a time`,
  };
}

function toLatency(busyMs: number, pieces: number): { readonly latencyMs?: number } {
  return pieces > 0 ? { latencyMs: busyMs / pieces } : {};
}

function toShare(part: number, whole: number): number {
  return whole <= 0 ? 0 : Math.min(1, Math.max(0, part / whole));
}
