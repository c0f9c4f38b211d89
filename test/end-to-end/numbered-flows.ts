// Flows that can be told apart: flow number n comes from source address 10.a.b.c = n. Sent as NetFlow v5.

import { createSocket } from 'node:dgram';
import { createNetflow5Exporter, netflow5FlowsPerDatagram } from '../../src/app/demo/build-netflow5.ts';
import type { Flow } from '../../src/app/demo/flow.ts';

const firstAddress = 10 * 2 ** 24;

export function numberedFlow(number: number, nowMs: number): Flow {
  return {
    source: firstAddress + number,
    destination: 8 * 2 ** 24 + 8 * 2 ** 16 + 8 * 2 ** 8 + 8,
    nextHop: 0,
    sourcePort: 40_000,
    destinationPort: 443,
    protocol: 6,
    tcpFlags: 0x1b,
    typeOfService: 0,
    packets: 10,
    bytes: 1000 + number,
    startMs: nowMs - 2000,
    endMs: nowMs - 1000,
    inputInterface: 1,
    outputInterface: 2,
    sourcePrefixLength: 8,
    destinationPrefixLength: 24,
  };
}

/** The number of a flow, from its document's `flow.src_addr`. */
export function numberOf(sourceAddress: unknown): number {
  const bytes = String(sourceAddress).split('.').map(Number);
  return bytes.reduce((sum, byte) => sum * 256 + byte, 0) - firstAddress;
}

export interface FlowSender {
  /** Sends the next `count` flows and returns the number of all flows sent. */
  send(count: number): Promise<number>;
  close(): void;
}

export function createFlowSender(port: number, options: { readonly firstNumber?: number } = {}): FlowSender {
  const socket = createSocket('udp4');
  const exporter = createNetflow5Exporter({ bootedAtMs: Date.now() - 100_000 });
  let next = options.firstNumber ?? 0;

  async function send(count: number): Promise<number> {
    for (const last = next + count; next < last; ) {
      const nowMs = Date.now();
      const flows: Flow[] = [];
      while (flows.length < netflow5FlowsPerDatagram && next < last) {
        flows.push(numberedFlow(next, nowMs));
        next += 1;
      }
      const datagram = exporter.datagram(flows, nowMs);
      await new Promise<void>((resolve, reject) =>
        socket.send(datagram, port, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
      );
    }
    return next;
  }

  return { send, close: () => socket.close() };
}
