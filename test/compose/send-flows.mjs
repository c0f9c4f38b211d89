// An exporter: sends COUNT flow records by NetFlow v5 to HOST:PORT at RATE a second. Each has a number of its own, from FIRST on,
// as its source address (10.x.y.z) and octets of 1, so that what was indexed can be compared with what was sent.
//   node send-flows.mjs HOST PORT FIRST COUNT RATE

import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';

const [host, port, first, count, rate] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const recordsPerDatagram = 25;
const startedAtMs = Date.now();
const bootedAtMs = startedAtMs - 3_600_000;
const socket = createSocket('udp4');
await new Promise((resolve) => socket.connect(port, host, resolve));

for (let sent = 0; sent < count; sent += recordsPerDatagram) {
  const dueMs = startedAtMs + (sent / rate) * 1000;
  const waitMs = dueMs - Date.now();
  if (waitMs > 2) await sleep(waitMs);
  const records = Math.min(recordsPerDatagram, count - sent);
  await new Promise((resolve, reject) =>
    socket.send(toDatagram(first + sent, records), (error) => (error ? reject(error) : resolve())),
  );
}
socket.close();

function toDatagram(number, records) {
  const nowMs = Date.now();
  const datagram = Buffer.alloc(24 + 48 * records);
  datagram.writeUInt16BE(5, 0);
  datagram.writeUInt16BE(records, 2);
  datagram.writeUInt32BE(nowMs - bootedAtMs, 4);
  datagram.writeUInt32BE(Math.floor(nowMs / 1000), 8);
  datagram.writeUInt32BE((nowMs % 1000) * 1_000_000, 12);
  datagram.writeUInt32BE(number, 16);
  for (let i = 0; i < records; i++) {
    const at = 24 + 48 * i;
    datagram.writeUInt32BE(0x0a000000 + number + i, at);
    datagram.writeUInt32BE(0xc0000201, at + 4);
    datagram.writeUInt32BE(1, at + 16);
    datagram.writeUInt32BE(1, at + 20);
    datagram.writeUInt32BE(nowMs - bootedAtMs - 1000, at + 24);
    datagram.writeUInt32BE(nowMs - bootedAtMs, at + 28);
    datagram.writeUInt16BE(40000, at + 32);
    datagram.writeUInt16BE(443, at + 34);
    datagram.writeUInt8(6, at + 38);
  }
  return datagram;
}
