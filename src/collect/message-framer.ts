// A byte stream to whole IPFIX messages, by the length in their headers (RFC 7011 §3.1, §10.4). It holds one unfinished message at
// most: 64 KiB, all that 16 bits of length can say.

const version = 10;
/** Version and length. */
const startLength = 4;
const headerLength = 16;

export interface MessageFramer {
  /** Hands on what is whole now. Returns what is wrong with the stream: it can't be read on, and must not be pushed again. */
  push(chunk: Buffer): string | undefined;
  /** Bytes in hand of a message that is not whole yet. */
  readonly pendingBytes: number;
}

/** Messages are parts of the chunk where they are whole in it. */
export function createMessageFramer(onMessage: (message: Buffer) => void): MessageFramer {
  const start = Buffer.alloc(startLength);
  let message: Buffer | undefined;
  let filled = 0;

  function push(chunk: Buffer): string | undefined {
    let at = 0;
    while (at < chunk.length) {
      if (message === undefined) {
        if (filled === 0 && chunk.length - at >= startLength) {
          const length = chunk.readUInt16BE(at + 2);
          if (chunk.readUInt16BE(at) !== version || length < headerLength) return toMistake(chunk, at);
          if (length <= chunk.length - at) {
            onMessage(chunk.subarray(at, at + length));
            at += length;
            continue;
          }
          message = Buffer.allocUnsafeSlow(length);
        } else {
          const copied = chunk.copy(start, filled, at, at + startLength - filled);
          at += copied;
          filled += copied;
          if (filled < startLength) return undefined;
          const length = start.readUInt16BE(2);
          if (start.readUInt16BE(0) !== version || length < headerLength) return toMistake(start, 0);
          message = Buffer.allocUnsafeSlow(length);
          start.copy(message);
        }
      }
      const copied = chunk.copy(message, filled, at, at + message.length - filled);
      at += copied;
      filled += copied;
      if (filled < message.length) return undefined;
      const whole = message;
      message = undefined;
      filled = 0;
      onMessage(whole);
    }
    return undefined;
  }

  return {
    push,
    get pendingBytes() {
      return filled;
    },
  };
}

function toMistake(bytes: Buffer, at: number): string {
  const first = bytes.readUInt16BE(at);
  // RFC 8446 §5.1: a handshake record of any version of TLS.
  if (first === 0x1603) return 'a TLS handshake on a port without TLS: give the port as tls://';
  if (first !== version) return `no IPFIX message: version ${first} instead of ${version}`;
  return `an IPFIX message says that it has ${bytes.readUInt16BE(at + 2)} bytes: its header alone has ${headerLength}`;
}
