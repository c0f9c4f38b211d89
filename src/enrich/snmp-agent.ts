// Asks one SNMP agent for its interfaces (RFC 2863: ifTable, ifXTable). The agent may be anything: what it says is bounded in rows, length,
// type, order and time. net-snmp speaks the protocol (v2c, v3); it is loaded when the first exporter is asked.

import type * as NetSnmp from 'net-snmp';
import type { SnmpAgent } from './snmp-settings.ts';
import { nameMistake } from './table-files.ts';

type Snmp = (typeof NetSnmp)['default'];

export interface SnmpInterface {
  name?: string;
  alias?: string;
  description?: string;
  /** Bits per second. */
  speed?: number;
}

export interface SnmpTable {
  /** By ifIndex. */
  readonly interfaces: ReadonlyMap<number, SnmpInterface>;
  /** Values of a wrong type, too long, or with control characters: left out. */
  readonly refused: number;
  /** The agent has more interfaces than are taken. */
  readonly isCut: boolean;
}

export interface SnmpLimits {
  readonly timeoutMs: number;
  readonly retries: number;
  readonly maxInterfaces: number;
  /** For all questions to one agent. */
  readonly maxMs: number;
}

/** RFC 2863 §6. */
const ifTable = '1.3.6.1.2.1.2.2.1';
const ifXTable = '1.3.6.1.2.1.31.1.1.1';

/** Rows per answer: 25 names of usual length fit into one datagram of an Ethernet. */
const rowsPerAnswer = 25;

/** ifIndex is an Integer32 above 0 (RFC 2863). */
const maxIndex = 2 ** 31 - 1;

/** ifSpeed says this where it can't say more: ifHighSpeed does. */
const speedBeyond = 2 ** 32 - 1;

/** DisplayString, SnmpAdminString (RFC 2579, RFC 3411). */
const maxTextBytes = 255;

export type ReadSnmpTable = (
  address: string,
  agent: SnmpAgent,
  limits: SnmpLimits,
  signal: AbortSignal,
) => Promise<SnmpTable>;

/** Throws an Error with a sentence for the log; it never has a secret in it. */
export const readSnmpTable: ReadSnmpTable = async (address, agent, limits, signal) => {
  const { default: snmp } = await import('net-snmp');
  const session = openSession(snmp, address, agent, limits);
  const close = () => {
    try {
      session.close();
    } catch {
      // It is closed.
    }
  };
  const timer = setTimeout(close, limits.maxMs);
  signal.addEventListener('abort', close, { once: true });
  try {
    signal.throwIfAborted();
    return await readTable(session, snmp.ObjectType, limits);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', close);
    close();
  }
};

function openSession(snmp: Snmp, address: string, agent: SnmpAgent, limits: SnmpLimits): NetSnmp.Session {
  /** Takes answers of the agent alone, and outlives those that the package stumbles over. */
  class AgentSession extends snmp.Session {
    override onMsg(datagram: Buffer, from?: { readonly address: string }): void {
      if (from?.address.split('%')[0] !== address) return;
      try {
        super.onMsg(datagram);
      } catch {
        // The question stays open until its time is over.
      }
    }
  }
  const options = {
    port: agent.port,
    timeout: limits.timeoutMs,
    retries: limits.retries,
    transport: address.includes(':') ? 'udp6' : 'udp4',
  } as const;
  const session =
    'community' in agent
      ? new AgentSession(address, agent.community, { ...options, version: snmp.Version2c })
      : new AgentSession(address, toUser(snmp, agent), {
          ...options,
          version: snmp.Version3,
          ...(agent.context !== undefined && { context: agent.context }),
        });
  // Answers that are no SNMP: the question stays open until its time is over.
  session.on('error', () => undefined);
  return session;
}

function toUser(snmp: Snmp, agent: Extract<SnmpAgent, { user: string }>): NetSnmp.User {
  const { user: name, auth_password: authKey, priv_password: privKey } = agent;
  if (authKey === undefined) return { name, level: snmp.SecurityLevel.noAuthNoPriv };
  const signed = { name, authProtocol: snmp.AuthProtocols[agent.auth_protocol], authKey };
  if (privKey === undefined) return { ...signed, level: snmp.SecurityLevel.authNoPriv };
  return {
    ...signed,
    level: snmp.SecurityLevel.authPriv,
    privProtocol: snmp.PrivProtocols[agent.priv_protocol],
    privKey,
  };
}

async function readTable(
  session: NetSnmp.Session,
  types: Snmp['ObjectType'],
  { maxInterfaces }: SnmpLimits,
): Promise<SnmpTable> {
  const interfaces = new Map<number, SnmpInterface>();
  /** In the place of a value (RFC 3416 §3): the agent has nothing behind the object. */
  const ends: readonly unknown[] = [types.EndOfMibView, types.NoSuchObject, types.NoSuchInstance];
  let refused = 0;
  let isCut = false;

  async function readColumn(oid: string, put: (row: SnmpInterface, value: unknown, type: number) => boolean) {
    let last = 0;
    for (let rows = 0; ; ) {
      const answer = await ask(session, last === 0 ? oid : `${oid}.${last}`);
      if (answer.length === 0) return;
      for (const { oid: found, type, value } of answer) {
        if (!found.startsWith(`${oid}.`) || ends.includes(type)) return;
        const index = Number(found.slice(oid.length + 1));
        if (!Number.isInteger(index) || index <= last || index > maxIndex) {
          throw new Error('the agent gives rows out of order, or without end');
        }
        last = index;
        rows += 1;
        const row = interfaces.get(index) ?? {};
        if (rows > maxInterfaces || (interfaces.size >= maxInterfaces && !interfaces.has(index))) {
          isCut = true;
          return;
        }
        interfaces.set(index, row);
        if (!put(row, value, type ?? -1)) refused += 1;
      }
    }
  }

  const putText = (key: 'name' | 'alias' | 'description') => (row: SnmpInterface, value: unknown, type: number) => {
    const text = type === types.OctetString && Buffer.isBuffer(value) ? toText(value) : undefined;
    if (text === undefined) return false;
    if (text !== '') row[key] = text;
    return true;
  };

  const putSpeed = (unit: number) => (row: SnmpInterface, value: unknown, type: number) => {
    if (type !== types.Gauge || typeof value !== 'number' || value < 0 || value > speedBeyond) return false;
    if (value > 0 && (unit > 1 || value < speedBeyond)) row.speed = value * unit;
    return true;
  };

  await readColumn(`${ifTable}.2`, putText('description'));
  await readColumn(`${ifXTable}.1`, putText('name'));
  await readColumn(`${ifXTable}.18`, putText('alias'));
  await readColumn(`${ifTable}.5`, putSpeed(1));
  await readColumn(`${ifXTable}.15`, putSpeed(1e6));
  return { interfaces, refused, isCut };
}

/** The rows that follow an object: of one column, then of whatever the agent has behind it. */
function ask(session: NetSnmp.Session, oid: string): Promise<readonly NetSnmp.Varbind[]> {
  return new Promise((resolve, reject) => {
    session.getBulk([oid], 0, rowsPerAnswer, (error, found) => {
      if (error) reject(new Error(toReason(error)));
      else resolve((found ?? []).flat());
    });
  });
}

/** Undefined: it can't be stored. */
function toText(value: Buffer): string | undefined {
  if (value.length > maxTextBytes) return undefined;
  // Some agents count the end of a C string in.
  const text = value.toString('utf8').replace(/\0+$/, '').trim();
  return text === '' || nameMistake(text) === undefined ? text : undefined;
}

/** What the package says may quote what the agent said. */
function toReason(error: Error): string {
  const known: Readonly<Record<string, string>> = {
    RequestTimedOutError: 'the agent does not answer, or not to this community or user',
    RequestFailedError: 'the agent refuses the question',
    ResponseInvalidError: 'the agent’s answer is wrong, or its user or password',
  };
  return known[error.name] ?? 'the agent can’t be asked in the time there is';
}
