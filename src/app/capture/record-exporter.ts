// The exporter of a record of collect/pcap-writer.ts.

import { ipv4TextAt, ipv6TextAt } from '../../model/address-text.ts';

const packetAt = 16;

export function recordExporter(record: Buffer): string {
  return record[packetAt] === 0x45 ? ipv4TextAt(record, packetAt + 12) : ipv6TextAt(record, packetAt + 8);
}
