// Which columns of a layout are looked at for signs that an exporter is wrong. Worked out once per layout.

import { joinedSamplingInterval, type Layout } from '../model/record.ts';

/** Column numbers; undefined: the layout has none. */
export interface WatchedColumns {
  readonly octets: number | undefined;
  readonly packets: number | undefined;
  readonly transport: number | undefined;
  readonly tcpFlags: number | undefined;
  readonly ingress: number | undefined;
  readonly egress: number | undefined;
  readonly direction: number | undefined;
  /** Of the same clock, with what makes milliseconds of it. */
  readonly times: readonly { readonly start: number; readonly end: number; readonly isUptime: boolean }[];
  /** Any of them tells an interval. */
  readonly samplingIntervals: readonly number[];
}

const intervalNames = [
  joinedSamplingInterval,
  'samplingInterval',
  'samplerRandomInterval',
  'samplingPacketInterval',
  'samplingPopulation',
] as const;

const timeNames = [
  ['flowStartMilliseconds', 'flowEndMilliseconds', false],
  ['flowStartSeconds', 'flowEndSeconds', false],
  ['flowStartMicroseconds', 'flowEndMicroseconds', false],
  ['flowStartNanoseconds', 'flowEndNanoseconds', false],
  ['flowStartSysUpTime', 'flowEndSysUpTime', true],
] as const;

export function toWatchedColumns({ columns }: Layout): WatchedColumns {
  const at = new Map(columns.map(({ name }, column) => [name, column]));
  return {
    octets: at.get('octetDeltaCount'),
    packets: at.get('packetDeltaCount'),
    transport: at.get('protocolIdentifier'),
    tcpFlags: at.get('tcpControlBits'),
    ingress: at.get('ingressInterface'),
    egress: at.get('egressInterface'),
    direction: at.get('flowDirection'),
    times: timeNames.flatMap(([startName, endName, isUptime]) => {
      const [start, end] = [at.get(startName), at.get(endName)];
      return start === undefined || end === undefined ? [] : [{ start, end, isUptime }];
    }),
    samplingIntervals: intervalNames.map((name) => at.get(name)).filter((column) => column !== undefined),
  };
}
