// A capture of the four simulated exporters of `weir demo`: NetFlow v5, v9, IPFIX and sFlow, templates included; the same each time.

import { createSimulatedExporters } from '../../../src/app/demo/exporters.ts';
import { toPcapHeader, toPcapRecord } from '../../../src/collect/pcap-writer.ts';

export const capturedFromMs = Date.UTC(2026, 0, 5, 12);

export interface CapturedTraffic {
  readonly file: Buffer;
  readonly datagrams: number;
  /** Flow records in them: a sampled packet of sFlow is one. */
  readonly flows: number;
}

/** `flows` in `seconds`, in order of time. */
export function captureTraffic({ flows = 400, seconds = 4 } = {}): CapturedTraffic {
  const records: Buffer[] = [toPcapHeader()];
  let datagrams = 0;
  let sent = 0;
  const exporters = createSimulatedExporters(7, capturedFromMs);
  const turns = seconds * 10;
  for (let turn = 0; turn <= turns; turn += 1) {
    const nowMs = capturedFromMs + turn * 100;
    exporters.forEach((exporter, index) => {
      const send = (payload: Buffer, count: number): void => {
        const captured = {
          payload,
          exporter: `10.7.0.${index + 1}`,
          exporterPort: 40_000 + index,
          receivedAtMs: nowMs,
          receivedOn: { host: '10.7.0.100', port: exporter.usualPort },
        };
        records.push(toPcapRecord(captured, nowMs * 1000));
        datagrams += 1;
        sent += count;
      };
      if (turn < turns) exporter.advance((flows * exporter.share) / turns, nowMs, send);
      else exporter.flush(nowMs, send);
    });
  }
  return { file: Buffer.concat(records), datagrams, flows: sent };
}
