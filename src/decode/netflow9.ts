// A NetFlow v9 datagram (RFC 3954 §5) to record sets. The header's count is not used: exporters count records, sets, or put 1.

import type { Datagram } from '../model/datagram.ts';
import type { RecordSet } from '../model/record.ts';
import { Cursor } from './cursor.ts';
import { type DatagramHeader, decodeSets, type TemplateContext } from './template-sets.ts';

const headerLength = 20;

export function decodeNetflow9(context: TemplateContext, datagram: Datagram): RecordSet[] {
  const { payload, exporter, receivedAtMs } = datagram;
  if (payload.length < headerLength) {
    context.onFault({ code: 'datagram-truncated', exporter, detail: `NetFlow v9 header of ${payload.length} bytes` });
    return [];
  }
  const cursor = new Cursor(payload, 4);
  const sysUptimeMs = cursor.readUint32();
  const exportedAtMs = cursor.readUint32() * 1000;
  const sequence = cursor.readUint32();
  const domain = cursor.readUint32();
  const header: DatagramHeader = { exporter, domain, receivedAtMs, exportedAtMs, sequence, sysUptimeMs };
  return decodeSets(context, 'netflow9', header, cursor);
}
