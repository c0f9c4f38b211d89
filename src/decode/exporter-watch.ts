// Looks at some records of each exporter, the first of each minute, for signs that it is not as its owner wants it. What is beyond
// them costs a comparison a datagram.

import type { Datagram } from '../model/datagram.ts';
import type { ExporterSign, SignKind } from '../model/exporter-sign.ts';
import type { Layout, RecordSet } from '../model/record.ts';
import { ClockTally } from './clock-tally.ts';
import { DirectionTally } from './direction-tally.ts';
import { RecordTally } from './record-tally.ts';
import { toWatchedColumns, type WatchedColumns } from './watched-columns.ts';

export interface ExporterWatch {
  observe(datagram: Datagram, sets: readonly RecordSet[]): void;
  /** Forgets who was silent for an hour. */
  expire(nowMs: number): void;
  signs(): ExporterSign[];
}

/** Of an exporter, in a minute. */
const recordsPerMinute = 200;
/** With so many datagrams nobody else needs to be looked at in this minute: options data, templates. */
const datagramsPerMinute = 50;
const silentMs = 60 * 60_000;
/** sFlow agents of one address that are remembered: two say it. */
const maxAgents = 8;

interface Account {
  minute: number;
  recordsLeft: number;
  datagramsLeft: number;
  readonly records: RecordTally;
  readonly directions: DirectionTally;
  readonly clock: ClockTally;
  /** When each was heard, in minutes since 1970. */
  readonly agents: Map<string, number>;
}

export function createExporterWatch({ maxExporters }: { readonly maxExporters: number }): ExporterWatch {
  const accounts = new Map<string, Account>();
  const columnsOf = new WeakMap<Layout, WatchedColumns>();
  let lastExporter: string | undefined;
  let last: Account | undefined;

  function observe({ exporter, receivedAtMs }: Datagram, sets: readonly RecordSet[]): void {
    if (exporter !== lastExporter) {
      last = accounts.get(exporter) ?? open(exporter);
      lastExporter = exporter;
    }
    if (last === undefined) return;
    const minute = Math.floor(receivedAtMs / 60_000);
    if (minute !== last.minute) turn(last, minute);
    if (last.recordsLeft <= 0 || last.datagramsLeft <= 0) return;
    last.datagramsLeft--;
    for (const set of sets) look(last, set);
  }

  function open(exporter: string): Account | undefined {
    if (accounts.size >= maxExporters) return undefined;
    const account: Account = {
      minute: -1,
      recordsLeft: 0,
      datagramsLeft: 0,
      records: new RecordTally(),
      directions: new DirectionTally(),
      clock: new ClockTally(),
      agents: new Map(),
    };
    accounts.set(exporter, account);
    return account;
  }

  function turn(account: Account, minute: number): void {
    account.minute = minute;
    account.recordsLeft = recordsPerMinute;
    account.datagramsLeft = datagramsPerMinute;
    account.records.turn();
    account.directions.turn();
    account.clock.turn();
    for (const [agent, heard] of account.agents) if (minute - heard > 10) account.agents.delete(agent);
  }

  function look(account: Account, { layout, header, rows }: RecordSet): void {
    const { agent } = header.sflow ?? {};
    if (agent === undefined) account.clock.look(header);
    else if (account.agents.size < maxAgents || account.agents.has(agent)) account.agents.set(agent, account.minute);
    if (layout.kind !== 'flow') return;
    let columns = columnsOf.get(layout);
    if (columns === undefined) {
      columns = toWatchedColumns(layout);
      columnsOf.set(layout, columns);
    }
    for (const row of rows) {
      if (account.recordsLeft-- <= 0) return;
      // What sFlow samples hold was counted here.
      if (agent === undefined) account.records.look(row, columns, header);
      account.directions.look(row, columns, header);
    }
  }

  function expire(nowMs: number): void {
    const minute = Math.floor(nowMs / 60_000);
    for (const [exporter, account] of accounts) {
      if (minute - account.minute <= silentMs / 60_000) continue;
      accounts.delete(exporter);
      if (exporter === lastExporter) lastExporter = undefined;
    }
  }

  function signs(): ExporterSign[] {
    return Array.from(accounts, ([exporter, account]) => toSigns(exporter, account)).flat();
  }

  return { observe, expire, signs };
}

function toSigns(exporter: string, { records, directions, clock, agents }: Account): ExporterSign[] {
  const signs: ExporterSign[] = [];
  const add = (kind: SignKind, values: ExporterSign['values']) =>
    signs.push({ kind, exporter, values, enterprises: [] });
  const counters = records.wrongCounters();
  if (counters !== undefined) add('counters-impossible', { ...counters });
  const times = records.wrongTimes();
  if (times !== undefined) add('times-impossible', { percent: times });
  const sampling = records.unsaidSampling();
  if (sampling !== undefined) add('sampling-unsaid', { ...sampling });
  const doubled = directions.doubled();
  if (doubled !== undefined) add('directions-doubled', { percent: doubled });
  const skew = clock.skew();
  if (skew !== undefined) add(skew.isZone ? 'clock-zone' : 'clock-wrong', { skewMs: skew.skewMs });
  if (agents.size > 1) add('agents-behind-one-address', { agents: [...agents.keys()].join(', ') });
  return signs;
}
