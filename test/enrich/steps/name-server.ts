// A small name server for tests: answers PTR questions as it is told (RFC 1035 §4), over UDP on a free port.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** The names of an answer; `none`: NXDOMAIN; `silence`: nothing is sent. Names as bytes of each label. */
export type Answer = readonly string[] | 'none' | 'silence';

export interface NameServer {
  readonly address: string;
  /** Names that were asked for, in order. */
  readonly asked: readonly string[];
  answer: (name: string) => Answer;
  close(): Promise<void>;
}

export async function startNameServer(answer: (name: string) => Answer): Promise<NameServer> {
  const socket = createSocket('udp4');
  const asked: string[] = [];
  const server = { answer };
  socket.on('message', (question, { port, address }) => {
    const { name, end } = readName(question, 12);
    asked.push(name);
    const answered = server.answer(name);
    if (answered === 'silence') return;
    const names = answered === 'none' ? [] : answered;
    const header = Buffer.alloc(12);
    question.copy(header, 0, 0, 2);
    header.writeUInt16BE(answered === 'none' ? 0x8183 : 0x8180, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(names.length, 6);
    const records = names.map((text) => {
      const data = writeName(text);
      const record = Buffer.alloc(12);
      record.writeUInt16BE(0xc00c, 0);
      record.writeUInt16BE(12, 2);
      record.writeUInt16BE(1, 4);
      record.writeUInt32BE(3600, 6);
      record.writeUInt16BE(data.length, 10);
      return Buffer.concat([record, data]);
    });
    socket.send(Buffer.concat([header, question.subarray(12, end + 4), ...records]), port, address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    address: `127.0.0.1:${socket.address().port}`,
    asked,
    get answer() {
      return server.answer;
    },
    set answer(next) {
      server.answer = next;
    },
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

function readName(message: Buffer, at: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let end = at;
  for (let length = message[end] ?? 0; length > 0; length = message[end] ?? 0) {
    labels.push(message.toString('latin1', end + 1, end + 1 + length));
    end += 1 + length;
  }
  return { name: labels.join('.'), end: end + 1 };
}

function writeName(text: string): Buffer {
  const labels = text.split('.').map((label) => {
    const bytes = Buffer.from(label, 'latin1');
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  });
  return Buffer.concat([...labels, Buffer.from([0])]);
}
