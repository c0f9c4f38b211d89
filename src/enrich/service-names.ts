// Names of ports: IANA's registry (data/services.json) and the user's own; and the text forms that documents hold.
// Text forms: "https (TCP/443)" for a port that has a name, "TCP/43173" for one that has none.

import { readFileSync } from 'node:fs';
import { WeirError } from '../model/errors.ts';
import { loadProtocolNames } from './protocol-names.ts';

export interface ServiceNames {
  /** The name of a port, "https"; undefined: it has none, or the protocol has no registry. */
  nameOf(protocol: number, port: number): string | undefined;
  /** `nameOf` has an answer. */
  hasName(protocol: number, port: number): boolean;
  /** The stored text: "https (TCP/443)", "TCP/43173"; for a protocol without ports "GRE/0". */
  textOf(protocol: number, port: number): string;
}

/** Protocols that have a registry of ports, by their number. */
const registries = { 6: 'tcp', 17: 'udp', 33: 'dccp', 132: 'sctp' } as const;

interface Ports {
  readonly names: Map<number, string>;
  /** A bit for each port that has a name: 8 KB, which the processor has at hand. */
  readonly named: Uint32Array;
  /** By port, as they are asked for: at most 65,536 texts (3 MB) per protocol. Empty until the protocol is met. */
  texts: (string | undefined)[];
}

/** Number of ports, and so the most texts that are kept per protocol. */
const portCount = 65_536;

/** The own name of `tcp/8443` or the like, checked by `readPortKey`. */
export type OwnNames = Readonly<Record<string, string>>;

export function createServiceNames(ownNames: OwnNames = {}): ServiceNames {
  const protocolNames = loadProtocolNames();
  const portsOf: (Ports | undefined)[] = new Array<Ports | undefined>(256).fill(undefined);
  for (const [protocol, entries] of readRegistry()) {
    const names = new Map(Object.entries(entries).map(([port, name]) => [Number(port), name]));
    portsOf[protocol] = { names, named: new Uint32Array(portCount / 32), texts: [] };
  }
  for (const [key, name] of Object.entries(ownNames)) {
    const place = readPortKey(key);
    if (place !== undefined) portsOf[place.protocol]?.names.set(place.port, name);
  }

  for (const ports of portsOf) {
    for (const port of ports?.names.keys() ?? []) ports!.named[port >>> 5]! |= 1 << (port & 31);
  }

  function hasName(protocol: number, port: number): boolean {
    const named = portsOf[protocol]?.named;
    return named !== undefined && port < portCount && (named[port >>> 5]! & (1 << (port & 31))) !== 0;
  }

  function nameOf(protocol: number, port: number): string | undefined {
    return portsOf[protocol]?.names.get(port);
  }

  function textOf(protocol: number, port: number): string {
    const ports = portsOf[protocol];
    const known = ports?.texts[port];
    if (known !== undefined) return known;
    const text = toText(nameOf(protocol, port), protocol, port);
    // A field may be wider than a port: what lies beyond must not grow the cache.
    if (ports !== undefined && port < portCount) {
      if (ports.texts.length === 0) ports.texts = new Array<string | undefined>(portCount).fill(undefined);
      ports.texts[port] = text;
    }
    return text;
  }

  function toText(name: string | undefined, protocol: number, port: number): string {
    const place = `${protocolNames[protocol] ?? `UNKNOWN(${protocol})`}/${port}`;
    return name === undefined ? place : `${name} (${place})`;
  }

  return { nameOf, hasName, textOf };
}

/** `tcp/8443` → protocol and port; undefined for anything else. */
export function readPortKey(key: string): { readonly protocol: number; readonly port: number } | undefined {
  const match = /^([a-z]+)\/(\d{1,5})$/.exec(key);
  const protocol = Object.entries(registries).find(([, name]) => name === match?.[1])?.[0];
  const port = Number(match?.[2]);
  return protocol === undefined || port > 65_535 ? undefined : { protocol: Number(protocol), port };
}

/** Protocol number → port → name. */
function readRegistry(): Map<number, Readonly<Record<string, string>>> {
  const file = new URL('../../data/services.json', import.meta.url);
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, string>>;
    return new Map(Object.entries(registries).map(([number, name]) => [Number(number), content[name] ?? {}]));
  } catch (cause) {
    throw new WeirError('file-missing', 'data/services.json, the names of ports, cannot be read', {
      hint: 'It is part of weir: install weir again.',
      cause,
    });
  }
}
