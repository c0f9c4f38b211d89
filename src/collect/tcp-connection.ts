// One connection of an exporter (RFC 7011 §10.4): its bytes become messages; it is closed when they are none, or come too slowly.

import type { Socket } from 'node:net';
import { createMessageFramer } from './message-framer.ts';

/** What one connection may cost; all of them together: `connections` and `connectionsPerAddress` of the listener. */
export interface ConnectionLimits {
  /** A TLS handshake must be done in so much time. */
  readonly handshakeMs: number;
  /** A message that has begun must be whole in so much time: who sends it byte by byte holds a connection for nothing. */
  readonly messageMs: number;
  /** A connection must bring a message in so much time. */
  readonly idleMs: number;
}

export interface TcpConnectionOptions {
  /** As it was accepted: below TLS. */
  readonly socket: Socket;
  readonly limits: ConnectionLimits;
  readonly onMessage: (message: Buffer) => void;
  /** The stream can't be read on; the connection is closed. */
  readonly onMistake: (detail: string) => void;
  /** A limit is exceeded; the connection is closed. */
  readonly onLimit: (detail: string) => void;
  /** Called once, when the connection is gone, whoever closed it. */
  readonly onEnd: () => void;
}

export interface TcpConnection {
  /** Takes messages from here on: from the socket itself or from the TLS stream above it. */
  read(stream: Socket): void;
  /** Lets bytes wait in the kernel, and so at the exporter, until `release`. */
  hold(): void;
  release(): void;
  /** Time goes by. Not called while the connection is held: that would be our own slowness. */
  pass(ms: number): void;
  /** Says goodbye first when it is orderly. */
  close(how: 'orderly' | 'at once'): void;
  readonly bytesRead: number;
  readonly messages: number;
}

export function createTcpConnection({
  socket,
  limits,
  onMessage,
  onMistake,
  onLimit,
  onEnd,
}: TcpConnectionOptions): TcpConnection {
  const framer = createMessageFramer(take);
  let stream: Socket | undefined;
  let isHeld = false;
  let isClosed = false;
  let bytesRead = 0;
  let messages = 0;
  let handshakeMs = 0;
  let messageMs = 0;
  let silentMs = 0;

  function take(message: Buffer): void {
    messages += 1;
    messageMs = 0;
    silentMs = 0;
    onMessage(message);
  }

  function read(from: Socket): void {
    stream = from;
    from.on('data', (chunk: Buffer) => {
      // What was read ahead of a mistake comes, too.
      if (isClosed) return;
      bytesRead += chunk.length;
      const mistake = framer.push(chunk);
      if (mistake !== undefined) {
        close('at once');
        onMistake(mistake);
        return;
      }
      // One chunk (64 KiB) per turn of the event loop: a quick exporter must not keep the others, and the UDP ports, waiting.
      from.pause();
      setImmediate(resume);
    });
    if (isHeld) from.pause();
  }

  function resume(): void {
    if (!isHeld && !isClosed) stream?.resume();
  }

  function hold(): void {
    isHeld = true;
    stream?.pause();
  }

  function release(): void {
    isHeld = false;
    resume();
  }

  function pass(ms: number): void {
    if (stream === undefined) handshakeMs += ms;
    if (framer.pendingBytes > 0) messageMs += ms;
    silentMs += ms;
    const detail = toExceeded();
    if (detail === undefined || isClosed) return;
    close('at once');
    onLimit(detail);
  }

  function toExceeded(): string | undefined {
    if (handshakeMs > limits.handshakeMs) return `no TLS handshake within ${limits.handshakeMs} ms`;
    if (messageMs > limits.messageMs) return `no whole message within ${limits.messageMs} ms of its first byte`;
    if (silentMs > limits.idleMs) return `no message for ${limits.idleMs} ms`;
    return undefined;
  }

  function close(how: 'orderly' | 'at once'): void {
    isClosed = true;
    if (stream === undefined || how === 'at once') {
      stream?.destroy();
      socket.destroy();
    } else stream.destroySoon();
  }

  socket.on('close', () => {
    const cut = framer.pendingBytes;
    if (!isClosed && cut > 0) onMistake(`the connection ended ${cut} bytes into a message`);
    isClosed = true;
    onEnd();
  });

  return {
    read,
    hold,
    release,
    pass,
    close,
    get bytesRead() {
      return bytesRead;
    },
    get messages() {
      return messages;
    },
  };
}
