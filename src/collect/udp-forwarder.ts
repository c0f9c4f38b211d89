// Copies of what comes in by UDP, to other collectors: a migration beside another one. Receiving never waits for it: what a collector's
// socket does not take at once, up to a little, is dropped and counted. The copies have this machine's address as their source.

import { isIP } from 'node:net';
import type { Datagram } from '../model/datagram.ts';
import { WeirError } from '../model/errors.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';
import { isOwnAddress } from './own-address.ts';
import { createUdpSender, type UdpSender } from './udp-sender.ts';

export interface ForwardTarget {
  /** Address or name. */
  readonly host: string;
  readonly port: number;
  /** Subnets; absent: every exporter. */
  readonly exporters?: readonly string[];
}

export interface UdpForwarderOptions {
  readonly targets: readonly ForwardTarget[];
  readonly toFilter: (exporters: readonly string[] | undefined) => (exporter: string) => boolean;
  readonly logger: Logger;
  readonly now: () => number;
}

/** Of one target, since it was opened. */
export interface ForwardLevels {
  /** udp://10.0.0.9:2055 */
  readonly target: string;
  readonly sent: number;
  /** Could not be sent; or came back, because nobody listens there: those were counted as sent before. */
  readonly failed: number;
  /** There was no room, or the name is not known. */
  readonly dropped: number;
}

export interface UdpForwarder {
  /** `ownPorts`: where this process listens. Throws WeirError when a target is one of them: it would send to itself without end. */
  start(ownPorts: readonly number[]): Promise<void>;
  /** False: nobody gets a copy, and nobody needs `forward`. */
  readonly isUsed: boolean;
  forward(datagram: Datagram): void;
  levels(): readonly ForwardLevels[];
  stop(): Promise<void>;
}

/** That the kernel has not taken: half a second of a busy exporter. */
const maxWaitingBytes = 1024 * 1024;
/** Names are asked again, for addresses change; and what could not be opened is tried again. */
const lookEveryMs = 30_000;

interface Target extends ForwardTarget {
  readonly text: string;
  readonly isWanted: (exporter: string) => boolean;
  sender: UdpSender | undefined;
  sent: number;
  failed: number;
  dropped: number;
}

export function createUdpForwarder({ targets: given, toFilter, logger, now }: UdpForwarderOptions): UdpForwarder {
  const pass = createRateLimit();
  const targets = given.map((target): Target => {
    const { host, port, exporters } = target;
    const text = `udp://${host.includes(':') ? `[${host}]` : host}:${port}`;
    return { ...target, text, isWanted: toFilter(exporters), sender: undefined, sent: 0, failed: 0, dropped: 0 };
  });
  let ownPorts: readonly number[] = [];
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<unknown> = Promise.resolve();
  let isStopped = false;

  async function start(ports: readonly number[]): Promise<void> {
    if (targets.length === 0) return;
    ownPorts = ports;
    try {
      await Promise.all(targets.filter(({ host }) => isIP(host) !== 0).map(open));
    } catch (error) {
      await stop();
      throw error;
    }
    // A name server that does not answer takes seconds: nobody waits for it.
    look();
    timer = setInterval(look, lookEveryMs);
  }

  function look(): void {
    looking = looking.then(() => Promise.all(targets.map((each) => open(each).catch((error) => say(each, error)))));
  }

  /** A target that can't be reached now is no mistake; one that is this process is. */
  async function open(target: Target): Promise<void> {
    if (target.sender !== undefined && isIP(target.host) !== 0) return;
    const sender = createUdpSender({
      ...target,
      onRefused() {
        target.failed += 1;
        say(target, 'nobody listens there');
      },
    });
    try {
      await sender.start();
    } catch (error) {
      say(target, error);
      return;
    }
    const { address, port } = sender.remote();
    if (ownPorts.includes(port) && isOwnAddress(address)) {
      await sender.stop();
      throw new WeirError('pipeline-invalid', `collect.tee: ${target.text} is where weir itself listens`, {
        hint: 'Name another collector, or another port.',
      });
    }
    const before = target.sender;
    if (isStopped || (before !== undefined && before.remote().address === address)) await sender.stop();
    else {
      target.sender = sender;
      await before?.stop();
    }
  }

  function say(target: Target, error: unknown): void {
    const heldBack = pass(target.text, now());
    if (heldBack === undefined) return;
    const reason = error instanceof Error ? error.message : String(error);
    logger.warn({ target: target.text, reason, ...(heldBack > 0 && { heldBack }) }, 'copies don’t get to a collector');
  }

  function forward({ payload, exporter }: Datagram): void {
    for (const target of targets) {
      if (!target.isWanted(exporter)) continue;
      const { sender } = target;
      if (sender === undefined || sender.waitingBytes() > maxWaitingBytes) target.dropped += 1;
      else
        sender.send(payload, (error) => {
          if (error === null) target.sent += 1;
          else {
            target.failed += 1;
            say(target, error);
          }
        });
    }
  }

  async function stop(): Promise<void> {
    clearInterval(timer);
    isStopped = true;
    await Promise.all(
      targets.map((target) => {
        const { sender } = target;
        target.sender = undefined;
        return sender?.stop();
      }),
    );
  }

  return {
    start,
    isUsed: targets.length > 0,
    forward,
    levels: () => targets.map(({ text, sent, failed, dropped }) => ({ target: text, sent, failed, dropped })),
    stop,
  };
}
