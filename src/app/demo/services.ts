// What simulated hosts talk about: services with their ports, sizes and hours.

import { protocolNumbers } from './flow.ts';

export interface Service {
  readonly port: number;
  readonly protocol: number;
  /** How often, in working hours and at night. */
  readonly day: number;
  readonly night: number;
  /** Median bytes of payload that client and server send. */
  readonly clientBytes: number;
  readonly serverBytes: number;
  /** Median duration. */
  readonly durationMs: number;
}

const { icmp, tcp, udp } = protocolNumbers;

type Line = readonly [
  port: number,
  protocol: number,
  day: number,
  night: number,
  clientBytes: number,
  serverBytes: number,
  durationMs: number,
];

/** Inside to outside. */
export const outgoingServices: readonly Service[] = toServices([
  [443, tcp, 420, 260, 2_500, 24_000, 4_000], // https
  [443, udp, 210, 130, 3_000, 60_000, 6_000], // QUIC
  [53, udp, 180, 120, 45, 140, 20], // DNS, to public resolvers
  [80, tcp, 60, 40, 600, 9_000, 1_500],
  [123, udp, 14, 20, 48, 48, 30], // NTP
  [993, tcp, 18, 12, 900, 6_000, 9_000], // imaps
  [587, tcp, 8, 2, 24_000, 900, 2_500], // mail submission
  [22, tcp, 6, 3, 4_000, 9_000, 20_000],
  [5228, tcp, 14, 14, 400, 700, 30_000], // push messages of phones
  [3478, udp, 20, 4, 90_000, 110_000, 30_000], // calls
  [1194, udp, 5, 3, 60_000, 160_000, 40_000], // OpenVPN
  [8883, tcp, 8, 10, 500, 300, 15_000], // MQTT of things
  [853, tcp, 10, 6, 300, 700, 1_000], // DNS over TLS
  [0, icmp, 12, 16, 56, 56, 1_000],
]);

/** Outside to inside. */
export const incomingServices: readonly Service[] = toServices([
  [443, tcp, 300, 220, 1_400, 32_000, 3_000],
  [80, tcp, 60, 70, 500, 1_200, 900],
  [25, tcp, 60, 50, 18_000, 700, 2_500],
  [53, udp, 70, 60, 42, 180, 15],
  [22, tcp, 30, 60, 1_600, 2_200, 2_500], // mostly those who guess passwords
  [993, tcp, 24, 14, 700, 9_000, 12_000],
  [1194, udp, 14, 5, 90_000, 240_000, 45_000],
  [3389, tcp, 8, 16, 900, 500, 800],
  [123, udp, 10, 12, 48, 48, 20],
  [0, icmp, 10, 14, 56, 56, 900],
]);

/** Inside to inside. */
export const innerServices: readonly Service[] = toServices([
  [445, tcp, 90, 30, 9_000, 70_000, 8_000], // files
  [53, udp, 120, 60, 40, 120, 5],
  [88, tcp, 25, 6, 1_500, 1_600, 50], // Kerberos
  [389, tcp, 30, 10, 900, 2_500, 300], // LDAP
  [5432, tcp, 60, 40, 3_000, 18_000, 6_000], // PostgreSQL
  [3306, tcp, 30, 20, 2_000, 14_000, 5_000], // MySQL
  [8080, tcp, 60, 40, 1_500, 16_000, 2_000],
  [9200, tcp, 25, 30, 30_000, 12_000, 4_000], // Elasticsearch
  [6379, tcp, 25, 20, 4_000, 6_000, 15_000], // Redis
  [2049, tcp, 12, 40, 60_000, 250_000, 20_000], // NFS
  [3389, tcp, 14, 2, 40_000, 260_000, 40_000],
  [22, tcp, 14, 24, 20_000, 26_000, 20_000],
  [514, udp, 30, 30, 900, 0, 10], // syslog
  [161, udp, 16, 16, 90, 160, 20], // SNMP
  [0, icmp, 10, 10, 56, 56, 1_000],
]);

function toServices(lines: readonly Line[]): readonly Service[] {
  return lines.map(([port, protocol, day, night, clientBytes, serverBytes, durationMs]) => {
    return { port, protocol, day, night, clientBytes, serverBytes, durationMs };
  });
}

/** How awake the people are: 0 deep at night, 1 at noon of a working day. UTC, so that a seed gives the same everywhere. */
export function toWakefulness(timeMs: number): number {
  const time = new Date(timeMs);
  const hour = time.getUTCHours() + time.getUTCMinutes() / 60;
  // Lowest at 3 in the morning, highest at 15.
  const rhythm = (1 - Math.cos(((hour - 3) / 24) * 2 * Math.PI)) / 2;
  const isWeekend = time.getUTCDay() === 0 || time.getUTCDay() === 6;
  return isWeekend ? rhythm * 0.4 : rhythm;
}
