// Makes NetFlow v5, v9 and IPFIX datagrams for tests and benchmarks, straight from RFC 3954 and RFC 7011 and independent of src/decode.

export interface FieldSpec {
  readonly id: number;
  /** 65535: variable. */
  readonly length: number;
  /** IPFIX only. */
  readonly enterprise?: number;
}

export interface TemplateSpec {
  readonly id: number;
  readonly fields: readonly FieldSpec[];
  /** Makes it an options template; the first so many fields are scope. */
  readonly scopeCount?: number;
}

export interface MessageOptions {
  readonly exportSeconds?: number;
  readonly sequence?: number;
  readonly domain?: number;
  /** v9 */
  readonly sysUptimeMs?: number;
  /** v9; the number of sets by default */
  readonly count?: number;
  /** IPFIX; the true length by default */
  readonly length?: number;
}

export const uint = (value: number | bigint, length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  let rest = BigInt(value);
  for (let i = length - 1; i >= 0; i--) {
    bytes[i] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
};

export function set(id: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([uint(id, 2), uint(body.length + 4, 2), body]);
}

export function netflow9Template({ id, fields, scopeCount }: TemplateSpec): Buffer {
  const specifiers = fields.map((field) => Buffer.concat([uint(field.id, 2), uint(field.length, 2)]));
  const head =
    scopeCount === undefined
      ? [uint(fields.length, 2)]
      : [uint(4 * scopeCount, 2), uint(4 * (fields.length - scopeCount), 2)];
  return Buffer.concat([uint(id, 2), ...head, ...specifiers]);
}

export function ipfixTemplate({ id, fields, scopeCount }: TemplateSpec): Buffer {
  const specifiers = fields.map((field) =>
    field.enterprise === undefined
      ? Buffer.concat([uint(field.id, 2), uint(field.length, 2)])
      : Buffer.concat([uint(field.id | 0x8000, 2), uint(field.length, 2), uint(field.enterprise, 4)]),
  );
  const head = scopeCount === undefined ? [] : [uint(scopeCount, 2)];
  return Buffer.concat([uint(id, 2), uint(fields.length, 2), ...head, ...specifiers]);
}

export function netflow9(sets: readonly Uint8Array[], options: MessageOptions = {}): Buffer {
  const {
    exportSeconds = 1_700_000_000,
    sequence = 1,
    domain = 0,
    sysUptimeMs = 60_000,
    count = sets.length,
  } = options;
  const head = [
    uint(9, 2),
    uint(count, 2),
    uint(sysUptimeMs, 4),
    uint(exportSeconds, 4),
    uint(sequence, 4),
    uint(domain, 4),
  ];
  return Buffer.concat([...head, ...sets]);
}

export function ipfix(sets: readonly Uint8Array[], options: MessageOptions = {}): Buffer {
  const body = Buffer.concat(sets);
  const { exportSeconds = 1_700_000_000, sequence = 1, domain = 0, length = body.length + 16 } = options;
  return Buffer.concat([
    uint(10, 2),
    uint(length, 2),
    uint(exportSeconds, 4),
    uint(sequence, 4),
    uint(domain, 4),
    body,
  ]);
}

/** A field of variable length, with the one-byte length or, above 254 bytes or when told, the three-byte one (RFC 7011 §7). */
export function variable(value: Uint8Array, long = value.length > 254): Buffer {
  return Buffer.concat([long ? Buffer.concat([uint(255, 1), uint(value.length, 2)]) : uint(value.length, 1), value]);
}

export interface Netflow5Header {
  readonly count?: number;
  readonly sysUptimeMs?: number;
  readonly seconds?: number;
  readonly nanoseconds?: number;
  readonly sequence?: number;
  readonly engineType?: number;
  readonly engineId?: number;
  /** Two bits of mode, 14 bits of interval. */
  readonly sampling?: number;
}

export function netflow5(records: readonly Uint8Array[], header: Netflow5Header = {}): Buffer {
  return Buffer.concat([
    uint(5, 2),
    uint(header.count ?? records.length, 2),
    uint(header.sysUptimeMs ?? 60_000, 4),
    uint(header.seconds ?? 1_700_000_000, 4),
    uint(header.nanoseconds ?? 0, 4),
    uint(header.sequence ?? 1, 4),
    uint(header.engineType ?? 0, 1),
    uint(header.engineId ?? 0, 1),
    uint(header.sampling ?? 0, 2),
    ...records,
  ]);
}

export type Netflow5Record = readonly [
  source: number,
  destination: number,
  nextHop: number,
  input: number,
  output: number,
  packets: number,
  octets: number,
  first: number,
  last: number,
  sourcePort: number,
  destinationPort: number,
  tcpFlags: number,
  protocol: number,
  tos: number,
  sourceAs: number,
  destinationAs: number,
  sourceMask: number,
  destinationMask: number,
];

export function netflow5Record(values: Netflow5Record): Buffer {
  const lengths = [4, 4, 4, 2, 2, 4, 4, 4, 4, 2, 2, 1, 1, 1, 2, 2, 1, 1];
  const parts = values.map((value, i) => uint(value, lengths[i]!));
  // One byte of padding before the TCP flags, two behind the masks.
  return Buffer.concat([...parts.slice(0, 11), uint(0, 1), ...parts.slice(11), uint(0, 2)]);
}
