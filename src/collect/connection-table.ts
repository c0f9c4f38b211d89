// The connections that are open, bounded in all and per address. Exporters that work are never pushed out by newcomers.

import type { TcpConnection } from './tcp-connection.ts';

export interface ConnectionTableOptions {
  readonly maxConnections: number;
  readonly maxPerAddress: number;
  /** A connection was closed because another one needed its place. */
  readonly onEvict: (exporter: string, detail: string) => void;
}

export interface ConnectionTable {
  readonly size: number;
  /** Undefined: there is room for one more from this address, or room was made. Else why there is none. */
  refusal(exporter: string): string | undefined;
  add(session: number, exporter: string, connection: TcpConnection): void;
  /** Safe to call twice. */
  remove(session: number): void;
  /** In order of arrival. */
  all(): Iterable<TcpConnection>;
  /** Resolves when the last one is removed. */
  whenEmpty(): Promise<void>;
}

interface Entry {
  readonly exporter: string;
  readonly connection: TcpConnection;
}

export function createConnectionTable({
  maxConnections,
  maxPerAddress,
  onEvict,
}: ConnectionTableOptions): ConnectionTable {
  const entries = new Map<number, Entry>();
  const perAddress = new Map<string, number>();
  const waiting: (() => void)[] = [];

  function refusal(exporter: string): string | undefined {
    if ((perAddress.get(exporter) ?? 0) >= maxPerAddress)
      return `more than ${maxPerAddress} connections of this address`;
    if (entries.size < maxConnections || evict()) return undefined;
    return `more than ${maxConnections} connections`;
  }

  /** Whoever has sent nothing yet makes room, the one that came first. */
  function evict(): boolean {
    for (const [session, { exporter, connection }] of entries) {
      if (connection.messages > 0) continue;
      remove(session);
      connection.close('at once');
      onEvict(exporter, 'made room for a new connection: it had not brought a message');
      return true;
    }
    return false;
  }

  function add(session: number, exporter: string, connection: TcpConnection): void {
    entries.set(session, { exporter, connection });
    perAddress.set(exporter, (perAddress.get(exporter) ?? 0) + 1);
  }

  function remove(session: number): void {
    const entry = entries.get(session);
    if (entry === undefined) return;
    entries.delete(session);
    const left = (perAddress.get(entry.exporter) ?? 1) - 1;
    if (left > 0) perAddress.set(entry.exporter, left);
    else perAddress.delete(entry.exporter);
    if (entries.size === 0) for (const resolve of waiting.splice(0)) resolve();
  }

  function* all(): Iterable<TcpConnection> {
    for (const { connection } of entries.values()) yield connection;
  }

  return {
    get size() {
      return entries.size;
    },
    refusal,
    add,
    remove,
    all,
    whenEmpty: () => (entries.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}
