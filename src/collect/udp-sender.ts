// Sends datagrams to one collector, from a socket of its own. Connected, so that the kernel tells when nobody listens there.

import { createSocket, type Socket } from 'node:dgram';
import { isIP } from 'node:net';
import { WeirError } from '../model/errors.ts';

export interface UdpSenderOptions {
  /** Address, or a name that is looked up at `start`. */
  readonly host: string;
  readonly port: number;
  /** The address to send from, where this machine has it. */
  readonly from?: string;
  /** What was sent came back: nobody listens there, as far as that machine tells. */
  readonly onRefused: () => void;
}

export interface UdpSender {
  /** Throws WeirError `connect-failed` when the name is not known, or there is no way to it. */
  start(): Promise<void>;
  /** `onDone`: the kernel has taken it, or why it did not. */
  send(payload: Uint8Array, onDone: (error: NodeJS.ErrnoException | null) => void): void;
  /** Bytes that the kernel has not taken yet. */
  waitingBytes(): number;
  /** Where it sends to, with the address that was found. Throws before `start`. */
  remote(): { readonly address: string; readonly port: number };
  /** Gives up what waits. Safe to call twice. */
  stop(): Promise<void>;
}

export function createUdpSender({ host, port, from, onRefused }: UdpSenderOptions): UdpSender {
  let socket: Socket | undefined;

  async function start(): Promise<void> {
    const families = isIP(host) === 6 ? (['udp6'] as const) : isIP(host) === 4 ? (['udp4'] as const) : anyFamily;
    // macOS has 127.0.0.1 alone of its loopback addresses.
    const sources = from === undefined ? [undefined] : [from, undefined];
    let failure: unknown;
    for (const family of families) {
      for (const source of sources) {
        try {
          socket = await open(family, source);
          return;
        } catch (error) {
          failure ??= error;
        }
      }
    }
    const code = (failure as NodeJS.ErrnoException).code ?? String(failure);
    throw new WeirError('connect-failed', `can't send to ${host} port ${port}: ${reasons[code] ?? code}`, {
      cause: failure,
    });
  }

  function open(type: 'udp4' | 'udp6', source: string | undefined): Promise<Socket> {
    const opened = createSocket(type);
    return new Promise((resolve, reject) => {
      const refuse = (error: Error): void => {
        opened.close();
        reject(error);
      };
      const connect = (): void => {
        opened.connect(port, host, () => {
          opened.off('error', refuse);
          // ICMP's answers come here, or to the next `send`, whichever looks first.
          opened.on('error', onRefused);
          resolve(opened);
        });
      };
      opened.once('error', refuse);
      if (source === undefined) connect();
      else opened.bind({ address: source, port: 0 }, connect);
    });
  }

  function send(payload: Uint8Array, onDone: (error: NodeJS.ErrnoException | null) => void): void {
    if (socket === undefined) throw new Error('the sender is not started');
    socket.send(payload, onDone);
  }

  return {
    start,
    send,
    waitingBytes: () => socket?.getSendQueueSize() ?? 0,
    remote: () => socket!.remoteAddress(),
    stop() {
      const closing = socket;
      socket = undefined;
      return closing === undefined ? Promise.resolve() : new Promise((resolve) => closing.close(() => resolve()));
    },
  };
}

const anyFamily = ['udp4', 'udp6'] as const;

const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such name',
  EAI_AGAIN: 'the name server does not answer',
  ENETUNREACH: 'there is no way to that network',
  EHOSTUNREACH: 'there is no way to that address',
  EAFNOSUPPORT: 'this machine has no such kind of address',
};
