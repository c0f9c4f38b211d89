// An IPFIX message (RFC 7011 §3) to record sets. It ends where its length says, even when the datagram is longer.

import type { Datagram } from '../model/datagram.ts';
import type { RecordSet } from '../model/record.ts';
import { Cursor } from './cursor.ts';
import { type DatagramHeader, decodeSets, type TemplateContext } from './template-sets.ts';

const headerLength = 16;

export function decodeIpfix(context: TemplateContext, datagram: Datagram): RecordSet[] {
  const { payload, exporter, receivedAtMs } = datagram;
  const { onFault } = context;
  const messageLength = payload.length < 4 ? 0 : payload.readUInt16BE(2);
  if (payload.length < headerLength || messageLength < headerLength) {
    const detail = `IPFIX message of ${payload.length} bytes says ${messageLength}`;
    onFault({ code: 'datagram-truncated', exporter, detail });
    return [];
  }
  if (messageLength > payload.length) {
    const detail = `IPFIX message of ${messageLength} bytes has ${payload.length}`;
    onFault({ code: 'datagram-truncated', exporter, detail });
  }
  const cursor = new Cursor(payload, 4, messageLength);
  const exportedAtMs = cursor.readUint32() * 1000;
  const sequence = cursor.readUint32();
  const domain = cursor.readUint32();
  const header: DatagramHeader = { exporter, domain, receivedAtMs, exportedAtMs, sequence };
  return decodeSets(context, 'ipfix', header, cursor);
}
