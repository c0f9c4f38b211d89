// Tests that need a server or a program skip where it is absent and say what to install; with CI=true they must run.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, test } from 'vitest';

const needs = {
  redis: { command: 'redis-server', install: 'apt install redis-server' },
  java: { command: 'java', install: 'apt install openjdk-17-jdk-headless maven' },
  maven: { command: 'mvn', install: 'apt install openjdk-17-jdk-headless maven' },
  softflowd: { command: 'softflowd', install: 'apt install softflowd' },
  pmacctd: { command: 'pmacctd', install: 'apt install pmacct' },
  python: { command: 'python3', install: 'apt install python3' },
  snmpd: { command: 'snmpd', install: 'apt install snmpd' },
  promtool: { command: 'promtool', install: 'apt install --no-install-recommends prometheus' },
  faketime: { command: 'faketime', install: 'apt install faketime' },
  chromium: { command: 'chromium', install: 'apt install --no-install-recommends chromium' },
  iptables: { command: 'iptables', install: 'apt install iptables' },
  'iptables-legacy': { command: 'iptables-legacy', install: 'apt install iptables' },
  nft: { command: 'nft', install: 'apt install nftables' },
  ip: { command: 'ip', install: 'apt install iproute2' },
  openssl: { command: 'openssl', install: 'apt install openssl' },
} as const;

export type Need = keyof typeof needs | 'captures';

/** The folder of real captures beside the repository: present in CI, absent in a user's clone. */
export const capturesFolder = fileURLToPath(new URL('../../shared/captures/', import.meta.url));

/** `describe` when everything needed is here, else one skipped test with the reason; the body may count on what it needs. */
export function describeWith(required: readonly Need[], title: string, body: () => void): void {
  const missing = required.map(missingReason).filter((reason) => reason !== undefined);
  if (missing.length === 0) describe(title, body);
  else if (process.env['CI'] === 'true') {
    test(title, () => {
      throw new Error(`CI must run this: ${missing.join('; ')}`);
    });
  } else describe(title, () => test.skip(`skipped: ${missing.join('; ')}`, () => undefined));
}

function missingReason(need: Need): string | undefined {
  if (need === 'captures') return existsSync(capturesFolder) ? undefined : 'the folder ../shared/captures is not here';
  const { command, install } = needs[need];
  const found = spawnSync('sh', ['-c', `command -v ${command}`], {
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
  });
  return found.status === 0 ? undefined : `${command} is not installed: ${install}`;
}
