// Simulated exporters for `weir demo`: four devices that send real UDP datagrams with the current time at a given rate,
// each from its own loopback address where the system allows it.

import { createSocket, type Socket } from 'node:dgram';
import { createSimulatedExporters, type SimulatedExporter } from './exporters.ts';

export interface SimulationOptions {
  /** Flows per second of all exporters together; a sampled packet of sFlow is one flow. */
  readonly rate: number;
  readonly targetHost: string;
  /** Each exporter sends to the usual port of its protocol where it is listed, else to the first. */
  readonly targetPorts: readonly number[];
  /** The same seed makes the same traffic. */
  readonly seed: number;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
}

export interface Simulation {
  start(): Promise<void>;
  /** Sends what is begun, waits for it, closes. Safe to call twice. */
  stop(): Promise<void>;
  /** What the kernel has taken. */
  sent(): SentCounts;
}

export interface SentCounts {
  readonly flows: number;
  readonly datagrams: number;
}

/** Short enough to be smooth, long enough to cost nothing. */
const tickMs = 20;
/** After a pause (a laptop that slept) no more than this is caught up: bursts overflow receive buffers. */
const maxCatchUpMs = 200;
/** Datagrams that the kernel has not taken; beyond this a tick is left out. */
const maxInFlight = 1_000;

interface Sender {
  readonly exporter: SimulatedExporter;
  readonly socket: Socket;
}

export function createSimulation(options: SimulationOptions): Simulation {
  const { rate, targetHost, targetPorts, seed, now } = options;
  let senders: readonly Sender[] = [];
  let timer: NodeJS.Timeout | undefined;
  let lastTickMs = 0;
  let inFlight = 0;
  let idle: (() => void) | undefined;
  const sent = { flows: 0, datagrams: 0 };

  async function start(): Promise<void> {
    if (timer !== undefined) return;
    const exporters = createSimulatedExporters(seed, now());
    senders = await Promise.all(
      exporters.map(async (exporter) => {
        const port = toTargetPort(exporter.usualPort, targetPorts);
        return { exporter, socket: await openSocket(exporter.sourceAddress, targetHost, port) };
      }),
    );
    lastTickMs = now();
    timer = setInterval(tick, tickMs);
    tick();
  }

  function tick(): void {
    const nowMs = now();
    const elapsedMs = Math.min(maxCatchUpMs, Math.max(0, nowMs - lastTickMs));
    lastTickMs = nowMs;
    if (inFlight > maxInFlight) return;
    for (const { exporter, socket } of senders)
      exporter.advance((rate * exporter.share * elapsedMs) / 1000, nowMs, (datagram, flows) =>
        send(socket, datagram, flows),
      );
  }

  function send(socket: Socket, datagram: Buffer, flows: number): void {
    inFlight += 1;
    socket.send(datagram, (error) => {
      inFlight -= 1;
      // Nobody listens there (yet): exporters never mind.
      if (error === null) {
        sent.flows += flows;
        sent.datagrams += 1;
      }
      if (inFlight === 0) idle?.();
    });
  }

  async function stop(): Promise<void> {
    if (timer === undefined) return;
    clearInterval(timer);
    timer = undefined;
    const nowMs = now();
    for (const { exporter, socket } of senders)
      exporter.flush(nowMs, (datagram, flows) => send(socket, datagram, flows));
    if (inFlight > 0)
      await new Promise<void>((resolve) => {
        idle = resolve;
      });
    const closing = senders;
    senders = [];
    await Promise.all(closing.map(({ socket }) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }

  return { start, stop, sent: () => ({ ...sent }) };
}

/** The usual port of a protocol where it is a target, else the first. */
export function toTargetPort(usualPort: number, targetPorts: readonly number[]): number {
  return targetPorts.includes(usualPort) ? usualPort : (targetPorts[0] ?? usualPort);
}

/** A socket that sends from `source` where both ends are loopback and the system has that address, else from any. */
async function openSocket(source: string, targetHost: string, port: number): Promise<Socket> {
  const isLoopback = targetHost === 'localhost' || targetHost.startsWith('127.');
  // macOS has 127.0.0.1 alone.
  for (const address of isLoopback ? [source, '127.0.0.1'] : [undefined]) {
    const socket = createSocket(targetHost.includes(':') ? 'udp6' : 'udp4');
    try {
      if (address !== undefined) await settle(socket, (done) => socket.bind(0, address, done));
      await settle(socket, (done) => socket.connect(port, targetHost === 'localhost' ? '127.0.0.1' : targetHost, done));
      socket.on('error', () => undefined);
      return socket;
    } catch (error) {
      socket.close();
      if (address !== source) throw error;
    }
  }
  throw new Error('unreachable');
}

function settle(socket: Socket, act: (done: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    act(() => {
      socket.off('error', reject);
      resolve();
    });
  });
}
