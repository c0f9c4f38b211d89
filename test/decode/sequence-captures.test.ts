// Captures whose datagrams follow each other without a gap: sequence accounting must find nothing missing in what real exporters sent.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createDecoder } from '../../src/decode/decoder.ts';
import type { SequenceChange } from '../../src/model/sequence.ts';
import { capturesFolder, describeWith } from '../needs.ts';

interface CaptureCase {
  readonly datagrams: readonly string[];
  readonly meta: readonly { readonly src: string; readonly srcPort: number; readonly ts: number }[];
}

/** Case, and what one account of it received. */
const consecutive: readonly (readonly [string, number])[] = [
  ['nf5-softflowd', 30],
  ['nf9-cisco-aci', 2],
  ['nf9-cisco-asa-1', 2],
  ['nf9-pmacct-nfprobe', 4],
  ['nf9-pmacct-nfprobe-l2', 6],
  ['nf9-pmacct-nfprobe-tag', 4],
  ['ipfix-pmacct-nfprobe', 18],
  ['ipfix-pmacct-nfprobe-l2', 22],
  ['ipfix-softflowd', 13],
  ['ipfix-softflowd-ether-vlan', 23],
  ['ipfix-softflowd-micro', 19],
  ['ipfix-softflowd-milli', 19],
  ['ipfix-pm400-cisco-srv6-a', 995],
  ['ipfix-pm401-cisco-mpls-b', 1067],
  ['ipfix-pm502-cisco-srv6-lcomms', 114],
  ['sf5-pmacct-sfprobe', 8],
];

describeWith(['captures'], 'sequence numbers of real exporters', () => {
  it.each(consecutive)('%s: nothing is missing', (name, received) => {
    const { datagrams, meta } = JSON.parse(
      readFileSync(join(capturesFolder, 'datagrams', `${name}.json`), 'utf8'),
    ) as CaptureCase;
    const changes: SequenceChange[] = [];
    const decoder = createDecoder({ onFault: () => {}, onSequence: (change) => changes.push(change) });
    datagrams.forEach((hex, i) => {
      const { src, srcPort, ts } = meta[i]!;
      decoder.decode({
        payload: Buffer.from(hex, 'hex'),
        exporter: src,
        exporterPort: srcPort,
        receivedAtMs: ts * 1000,
      });
    });
    expect(changes).toEqual([]);
    expect([...decoder.sequences()]).toMatchObject([{ received, lost: 0, trouble: undefined }]);
  });

  it('a hole cut into a capture of IPFIX is told in records', () => {
    const { datagrams, meta } = JSON.parse(
      readFileSync(join(capturesFolder, 'datagrams', 'ipfix-pm400-cisco-srv6-a.json'), 'utf8'),
    ) as CaptureCase;
    const decoder = createDecoder({ onFault: () => {} });
    datagrams.forEach((hex, i) => {
      const payload = Buffer.from(hex, 'hex');
      if (i < 300 || i >= 340)
        decoder.decode({ payload, exporter: meta[i]!.src, exporterPort: 1, receivedAtMs: meta[i]!.ts * 1000 });
    });
    const sequenceOf = (i: number): number => Buffer.from(datagrams[i]!, 'hex').readUInt32BE(8);
    expect([...decoder.sequences()]).toMatchObject([{ lost: sequenceOf(340) - sequenceOf(300) }]);
  });
});
