// Reads what running weirs copy to whoever captures (capture-socket.ts): records of a pcap file from each of them, as they come.

import type { Socket } from 'node:net';
import { WeirError } from '../model/errors.ts';
import { captureFrameHeadBytes, captureFrames, connect, listCaptureSockets } from './capture-socket.ts';
import { maxPcapRecordBytes } from './pcap-writer.ts';

export interface CaptureReaderOptions {
  /** Where the sockets of running weirs are. */
  readonly directory: string;
  readonly exporters: readonly string[] | undefined;
  /** Resolves when there is room for more; until then nothing more is read. */
  readonly onRecord: (record: Buffer) => void | Promise<void>;
}

export interface CaptureReader {
  /** Gives the number of running weirs, 0: none. Throws WeirError when they can't be asked. */
  start(): Promise<number>;
  /** Resolves when the last weir has ended; rejects with WeirError when one refuses, or with what `onRecord` threw. */
  ended(): Promise<void>;
  /** Datagrams that were left out because they were not read in time, as far as it was told. */
  leftOut(): number;
  stop(): void;
}

export function createCaptureReader({ directory, exporters, onRecord }: CaptureReaderOptions): CaptureReader {
  const sockets: Socket[] = [];
  const leftOut = new Map<Socket, number>();
  let reading: Promise<unknown> = Promise.resolve();

  async function start(): Promise<number> {
    const paths = await listCaptureSockets(directory).catch((cause: NodeJS.ErrnoException) => {
      throw unreadable(directory, cause);
    });
    for (const path of paths) {
      const socket = await connect(path).catch((cause: NodeJS.ErrnoException) => {
        // Of a weir that was killed.
        if (cause.code === 'ECONNREFUSED' || cause.code === 'ENOENT') return undefined;
        throw unreadable(directory, cause);
      });
      if (socket !== undefined) sockets.push(socket);
    }
    for (const socket of sockets) socket.write(`${JSON.stringify(exporters === undefined ? {} : { exporters })}\n`);
    reading = Promise.all(sockets.map(read));
    // `ended` tells.
    reading.catch(() => undefined);
    return sockets.length;
  }

  async function read(socket: Socket): Promise<void> {
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', () => undefined);
    try {
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
        let at = 0;
        while (bytes.length - at >= captureFrameHeadBytes) {
          const length = bytes.readUInt32BE(at + 1);
          if (length > 2 * maxPcapRecordBytes) throw new WeirError('internal', 'a capture got a frame that is none');
          const end = at + captureFrameHeadBytes + length;
          if (end > bytes.length) break;
          const body = bytes.subarray(at + captureFrameHeadBytes, end);
          if (bytes[at] === captureFrames.record) await onRecord(body);
          else takeStatus(socket, body);
          at = end;
        }
        rest = bytes.subarray(at);
      }
    } catch (error) {
      // `stop`, or a weir that was killed.
      if (error instanceof WeirError || !isGone(error)) throw error;
    }
  }

  function takeStatus(socket: Socket, body: Buffer): void {
    const status = JSON.parse(body.toString()) as { readonly leftOut?: number; readonly refused?: string };
    if (status.refused !== undefined)
      throw new WeirError('not-supported', `the running weir refuses the capture: ${status.refused}`);
    leftOut.set(socket, status.leftOut ?? 0);
  }

  return {
    start,
    ended: async () => void (await reading),
    leftOut: () => [...leftOut.values()].reduce((sum, count) => sum + count, 0),
    stop() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ABORT_ERR';
}

function unreadable(directory: string, cause: NodeJS.ErrnoException): WeirError {
  return new WeirError('folder-unwritable', `the running weir can’t be asked through ${directory}: ${cause.code}`, {
    hint: 'Call weir capture as the user that weir runs as, or as root.',
    cause,
  });
}
