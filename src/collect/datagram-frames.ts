// Datagrams as they go from the process that has the ports to those that decode: frames in a stream of bytes, in order.
//
//   type (1) | length of the rest (4, big-endian) | rest
//   1 group begins:  its id, ASCII
//   2 datagram:      reception ms (8, double) | port (2) | length of address (1) | address, ASCII | payload
//   3 group is whole: nothing

import type { Datagram } from '../model/datagram.ts';

export interface FrameHandlers {
  onBegin(group: string): void;
  /** `payload` is a view, and valid until the call returns. */
  onDatagram(datagram: Datagram): void;
  onEnd(): void;
}

const headBytes = 5;
const datagramHeadBytes = 11;
const types = { begin: 1, datagram: 2, end: 3 } as const;

/** The largest UDP payload (65,507), an address with a zone, and the heads. */
export const maxFrameBytes = 65_507 + 64 + headBytes + datagramHeadBytes;

/** Returns where the frame ends. The caller sees to it that there is room: `maxFrameBytes` for a datagram. */
export function writeDatagram(to: Buffer, at: number, datagram: Datagram): number {
  const { payload, exporter, exporterPort, receivedAtMs } = datagram;
  const rest = datagramHeadBytes + exporter.length + payload.length;
  let next = writeHead(to, at, types.datagram, rest);
  next = to.writeDoubleBE(receivedAtMs, next);
  next = to.writeUInt16BE(exporterPort, next);
  next = to.writeUInt8(exporter.length, next);
  next += to.write(exporter, next, 'latin1');
  return next + payload.copy(to, next);
}

export function writeBegin(to: Buffer, at: number, group: string): number {
  const next = writeHead(to, at, types.begin, group.length);
  return next + to.write(group, next, 'latin1');
}

export function writeEnd(to: Buffer, at: number): number {
  return writeHead(to, at, types.end, 0);
}

export const endFrameBytes = headBytes;

function writeHead(to: Buffer, at: number, type: number, length: number): number {
  return to.writeUInt32BE(length, to.writeUInt8(type, at));
}

export interface FrameReader {
  /** Whole frames go to the handlers at once, the rest waits for its other part. */
  read(bytes: Buffer): void;
}

export function createFrameReader(handlers: FrameHandlers): FrameReader {
  let rest: Buffer = Buffer.alloc(0);

  function read(bytes: Buffer): void {
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    let at = 0;
    while (all.length - at >= headBytes) {
      const end = at + headBytes + all.readUInt32BE(at + 1);
      if (end > all.length) break;
      handle(all.readUInt8(at), all.subarray(at + headBytes, end));
      at = end;
    }
    rest = all.subarray(at);
  }

  function handle(type: number, body: Buffer): void {
    if (type === types.datagram) handlers.onDatagram(readDatagram(body));
    else if (type === types.begin) handlers.onBegin(body.toString('latin1'));
    else handlers.onEnd();
  }

  return { read };
}

function readDatagram(body: Buffer): Datagram {
  const addressEnd = datagramHeadBytes + body.readUInt8(10);
  return {
    receivedAtMs: body.readDoubleBE(0),
    exporterPort: body.readUInt16BE(8),
    exporter: body.toString('latin1', datagramHeadBytes, addressEnd),
    payload: body.subarray(addressEnd),
  };
}
