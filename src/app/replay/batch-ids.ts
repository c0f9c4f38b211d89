// Ids of batches that are made of captured datagrams, from what was captured: the same capture gives the same ids, so that a second
// replay finds its documents in the index and doubles none (docs/decisions/0052).

import { createHash, type Hash } from 'node:crypto';
import type { Datagram } from '../../model/datagram.ts';

export interface BatchIds {
  add(datagram: Datagram): void;
  /** Of a batch of the datagrams so far; `number` tells apart those that one datagram fills. */
  next(number: string): string;
}

/** `seed`: everything else that says which records get into which batch. */
export function createBatchIds(seed: string): BatchIds {
  const hash: Hash = createHash('sha256').update(seed);
  const head = Buffer.alloc(14);
  return {
    add({ payload, exporter, exporterPort, receivedAtMs }) {
      head.writeDoubleBE(receivedAtMs, 0);
      head.writeUInt16BE(exporterPort, 8);
      head.writeUInt32BE(payload.length, 10);
      hash.update(head).update(`${exporter} `, 'latin1').update(payload);
    },
    next: (number) => `${hash.copy().digest('base64url').slice(0, idChars)}${number}`,
  };
}

/** 108 bits: as unlikely to come twice as the ids of `weir run`. */
const idChars = 18;
