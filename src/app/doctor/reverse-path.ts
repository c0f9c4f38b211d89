// Where nothing arrives: does the kernel drop what comes by another interface than answers would leave by (RFC 3704)?

import { readdir, readFile } from 'node:fs/promises';
import { toFinding } from '../findings/catalog.ts';
import type { Check } from './check.ts';
import { hasNothing, type RunningWeir } from './running-weir.ts';

/** 1: strict. The higher one of "all" and the interface counts. */
const strict = 1;

export function checkReversePath(asked: Promise<RunningWeir>, nowMs: number, procFolder = '/proc'): Check {
  return {
    what: 'reverse paths',
    async run() {
      const folder = `${procFolder}/sys/net/ipv4/conf`;
      const names = await readdir(folder).catch(() => []);
      const filters = new Map<string, number>();
      for (const name of names) {
        filters.set(name, Number(await readFile(`${folder}/${name}/rp_filter`, 'utf8').catch(() => '0')));
      }
      const all = filters.get('all') ?? 0;
      const interfaces = names.filter(
        (name) => !['all', 'default', 'lo'].includes(name) && Math.max(all, filters.get(name) ?? 0) === strict,
      );
      if (interfaces.length === 0) return { findings: [], said: 'nothing is dropped for its way' };
      const { metrics } = await asked;
      const isLikely = metrics !== undefined && hasNothing(metrics, nowMs) && interfaces.length > 1;
      return {
        findings: isLikely ? [toFinding('reverse-path', { interfaces: interfaces.join(', ') })] : [],
        said: `strict on ${interfaces.join(', ')}`,
      };
    },
  };
}
