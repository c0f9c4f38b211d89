// What a process of this machine has used so far, by proc(5).

import { readdirSync, readFileSync } from 'node:fs';

const ticksPerSecond = 100;

/** User and system time of a process in seconds (fields 14 and 15 of its stat). */
export function cpuSeconds(pid: number): number {
  return secondsOf(readFileSync(`/proc/${pid}/stat`, 'utf8'));
}

/** The same of those threads whose name matches and that still run. */
export function threadCpuSeconds(pid: number, name: RegExp): number {
  let seconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
      if (name.test(stat.slice(0, stat.lastIndexOf(')')))) seconds += secondsOf(stat);
    } catch {
      // It ended while the list was read.
    }
  }
  return seconds;
}

function secondsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

export function memoryMb(pid: number, key: 'VmRSS' | 'VmHWM'): number {
  const found = new RegExp(`${key}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Math.round(Number(found?.[1] ?? 0) / 1024);
}
