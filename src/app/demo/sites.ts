// The four simulated sites, one for each exporter: who is in them and how much they talk to whom.

import { createInnerHosts, type Host, type Place, toIpv4 } from './hosts.ts';

export interface Site {
  /** Who starts conversations: people by day, machines always. */
  readonly people: readonly Host[];
  readonly machines: readonly Host[];
  /** Who answers inside. */
  readonly servers: readonly Host[];
  /** Where the outer world is attached. */
  readonly uplink: Place;
  /** Next hop to it. */
  readonly gateway: number;
  /** Out of all conversations: those from outside to a server inside, and those that stay inside. */
  readonly incomingShare: number;
  readonly innerShare: number;
  /** 1 out of N packets is looked at. */
  readonly samplingInterval: number;
  /** Scans of ports come from inside; from outside otherwise. */
  readonly hasInfectedHost: boolean;
}

const uplink = (index: number, mac: number): Place => ({ interface: index, vlan: 0, mac, isInside: false });
const inside = (index: number, vlan: number, mac: number): Place => ({ interface: index, vlan, mac, isInside: true });

/** A branch office behind a small router. */
export function createBranch(): Site {
  const lan = inside(2, 0, 0x4c5e_0c10_0000);
  const things = inside(3, 0, 0x4c5e_0c20_0000);
  return {
    people: createInnerHosts({ subnet: '192.168.88.0/24', first: 20, count: 60, place: lan }),
    machines: createInnerHosts({ subnet: '192.168.89.0/24', first: 10, count: 24, place: things }),
    servers: createInnerHosts({ subnet: '192.168.88.0/24', first: 5, count: 3, place: lan }),
    uplink: uplink(1, 0x4c5e_0c00_0001),
    gateway: toIpv4('192.168.1.1'),
    incomingShare: 0.02,
    innerShare: 0.1,
    samplingInterval: 1,
    hasInfectedHost: true,
  };
}

/** The head office: a large router that looks at one packet out of a hundred. */
export function createHeadOffice(): Site {
  const ipv6 = 'fd5a:7765:6972:10::/64';
  const floors = [3, 4, 5].map((index) => inside(index, 0, 0x0023_0400_0000 + index * 0x1_0000));
  return {
    people: floors.flatMap((place, floor) =>
      createInnerHosts({ subnet: `10.10.${floor + 1}.0/24`, ipv6, first: 20 + floor * 60, count: 55, place }),
    ),
    machines: createInnerHosts({ subnet: '10.10.8.0/24', first: 10, count: 30, place: inside(6, 0, 0x0023_0408_0000) }),
    servers: createInnerHosts({
      subnet: '10.10.10.0/24',
      ipv6,
      first: 10,
      count: 12,
      place: inside(7, 0, 0x0023_040a_0000),
    }),
    uplink: uplink(1, 0x0023_0400_0001),
    gateway: toIpv4('10.255.0.1'),
    incomingShare: 0.08,
    innerShare: 0.18,
    samplingInterval: 100,
    hasInfectedHost: false,
  };
}

/** Servers for the public, and people who work from home over a VPN. */
export function createServerRoom(): Site {
  const ipv6 = 'fd5a:7765:6972:30::/64';
  return {
    people: createInnerHosts({ subnet: '10.31.0.0/24', first: 10, count: 40, place: inside(4, 0, 0x0050_56a1_0000) }),
    machines: createInnerHosts({
      subnet: '10.30.1.0/24',
      ipv6,
      first: 10,
      count: 12,
      place: inside(3, 0, 0x0050_56a2_0000),
    }),
    servers: createInnerHosts({
      subnet: '10.30.0.0/24',
      ipv6,
      first: 10,
      count: 15,
      place: inside(2, 0, 0x0050_56a3_0000),
    }),
    uplink: uplink(1, 0x0050_56a0_0001),
    gateway: toIpv4('10.255.0.5'),
    incomingShare: 0.6,
    innerShare: 0.1,
    samplingInterval: 1,
    hasInfectedHost: false,
  };
}

/** A data centre: a switch that sees mostly machines talk to machines. */
export function createDataCentre(): Site {
  const ipv6 = 'fd5a:7765:6972:20::/64';
  const rack = (row: number): Place => inside(10 + row, 200 + row, 0x001c_7300_0000 + row * 0x1_0000);
  return {
    people: createInnerHosts({ subnet: '10.20.0.0/24', ipv6, first: 10, count: 20, place: rack(0) }),
    machines: [1, 2, 3].flatMap((row) =>
      createInnerHosts({ subnet: `10.20.${row}.0/24`, ipv6, first: 10 + row * 40, count: 30, place: rack(row) }),
    ),
    servers: createInnerHosts({ subnet: '10.20.10.0/24', ipv6, first: 10, count: 30, place: rack(4) }),
    uplink: uplink(1, 0x001c_7300_0001),
    gateway: toIpv4('10.255.0.9'),
    incomingShare: 0.15,
    innerShare: 0.6,
    samplingInterval: 512,
    hasInfectedHost: false,
  };
}
