// Does a time server keep this machine's clock, and do the servers' clocks agree with it?

import { execFile } from 'node:child_process';
import type { Finding } from '../../model/finding.ts';
import { toFinding } from '../findings/catalog.ts';
import { toSkewText } from '../findings/exporter-findings.ts';
import type { Check } from './check.ts';

/** What one request may take on its way, and answers in whole seconds. */
const maxSkewMs = 5000;

export function toClockFindings(server: string, skewMs: number): readonly Finding[] {
  return Math.abs(skewMs) <= maxSkewMs ? [] : [toFinding('clock-differs', { server, skew: toSkewText(skewMs) })];
}

export type RunProgram = (program: string, args: readonly string[]) => Promise<string | undefined>;

/** Its output; undefined: it is not there, or failed. No shell, and nothing from outside in the arguments. */
export const runProgram: RunProgram = (program, args) =>
  new Promise((resolve) => {
    execFile(program, [...args], { timeout: 3000, maxBuffer: 4 * 1024 * 1024 }, (error, output) =>
      resolve(error === null ? output : undefined),
    );
  });

export function checkClock(run: RunProgram = runProgram): Check {
  return {
    what: 'clock',
    async run() {
      const systemd = await run('timedatectl', ['show', '--property=NTPSynchronized', '--value']);
      if (systemd?.trim() === 'yes') return { findings: [], said: 'synchronised' };
      // Reference id, address, stratum …; the last column is the leap status.
      const chrony = await run('chronyc', ['-n', '-c', 'tracking']);
      if (chrony !== undefined) {
        const isGood = chrony.trim().split(',').at(-1) !== 'Not synchronised';
        if (isGood) return { findings: [], said: 'synchronised by chrony' };
      }
      if (systemd === undefined && chrony === undefined)
        return {
          findings: [],
          said: 'this system does not tell whether it is synchronised (a container has the clock of its host)',
        };
      return { findings: [toFinding('clock-unsynchronised')], said: 'not synchronised' };
    },
  };
}
