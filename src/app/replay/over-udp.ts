// Replayed datagrams to a collector over UDP. The collector sees this machine as their exporter; where it is on this machine, each
// exporter gets a loopback address of its own.

import { createUdpSender, type UdpSender } from '../../collect/udp-sender.ts';
import { createDecoder } from '../../decode/decoder.ts';
import type { ExplainedSet } from '../../decode/explain.ts';
import { becomesDocument } from '../../model/record.ts';
import { toThousands } from '../count-text.ts';
import type { ReplayedDatagram } from './replay-files.ts';
import type { ReplayTarget } from './replay-target.ts';
import { shiftDatagram } from './shift-datagram.ts';

export interface OverUdpOptions {
  readonly host: string;
  readonly port: number;
}

/** A socket each; further exporters share the last one. */
const maxSockets = 500;

export interface OverUdp extends ReplayTarget {
  /** After `finish`: what became of the datagrams, a line each. */
  report(): readonly string[];
}

export function createOverUdp({ host, port }: OverUdpOptions): OverUdp {
  const isLoopback = host.startsWith('127.') || host === 'localhost';
  const senders = new Map<string, UdpSender>();
  const opened: UdpSender[] = [];
  let explained: ExplainedSet[] = [];
  let sent = 0;
  let refused = 0;
  let cameBack = 0;
  let parkedRecords = 0;
  let exporters = 0;
  const decoder = createDecoder({ onFault: () => undefined, onExplained: (set) => explained.push(set) });

  async function senderOf(exporter: string): Promise<UdpSender> {
    const known = senders.get(exporter);
    if (known !== undefined) return known;
    if (opened.length >= maxSockets) return opened.at(-1)!;
    exporters += 1;
    const sender = createUdpSender({
      host,
      port,
      onRefused() {
        cameBack += 1;
      },
      ...(isLoopback && { from: `127.1.${exporters >> 8}.${exporters & 255}` }),
    });
    await sender.start();
    opened.push(sender);
    senders.set(exporter, sender);
    return sender;
  }

  async function take({ datagram }: ReplayedDatagram, shiftMs: number): Promise<number> {
    explained = [];
    let flows = 0;
    for (const { layout, rows } of decoder.decode(datagram)) if (becomesDocument(layout.kind)) flows += rows.length;
    decoder.expire(datagram.receivedAtMs);
    if (shiftMs !== 0) for (const { isParked, records } of explained) if (isParked) parkedRecords += records.length;
    const payload = shiftMs === 0 ? datagram.payload : shiftDatagram(datagram, explained, shiftMs);
    const sender = senders.get(datagram.exporter) ?? (await senderOf(datagram.exporter));
    await new Promise<void>((resolve) => {
      sender.send(payload, (error) => {
        if (error === null) sent += 1;
        else refused += 1;
        resolve();
      });
    });
    return flows;
  }

  async function finish(): Promise<void> {
    await Promise.all(opened.map((sender) => sender.stop()));
  }

  function report(): readonly string[] {
    const lines = [`sent to ${host} port ${port}: ${toThousands(sent)} datagrams`];
    if (cameBack > 0) lines.push('some of them came back: nobody listens there');
    if (refused > 0) lines.push(`${toThousands(refused)} could not be sent`);
    if (exporters > 1 && !isLoopback)
      lines.push(
        `the ${exporters} exporters of the capture came to it from one address, this machine’s: templates with the same number got mixed up`,
      );
    if (parkedRecords > 0)
      lines.push(`${toThousands(parkedRecords)} records came before their template: their times were not shifted`);
    return lines;
  }

  return { start: async () => undefined, take, finish, report, trouble: () => undefined };
}
