// Rules for nftables by which the kernel itself copies datagrams to another collector, with the exporter's own address as their source:
// a program can't keep it without raw sockets. `dup` sends the copy towards the collector, the second chain gives it its address.

import { isOwnAddress } from '../../collect/own-address.ts';
import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import { readPrefix } from '../../enrich/prefix-table.ts';
import { WeirError } from '../../model/errors.ts';
import { loadPipelineFile } from '../pipeline-source.ts';

export interface TeeTarget {
  readonly host: string;
  readonly port: number;
}

export interface NftRulesOptions {
  /** Where exporters send to. */
  readonly ports: readonly number[];
  readonly targets: readonly TeeTarget[];
  /** Subnets; undefined: all. */
  readonly exporters: readonly string[] | undefined;
}

/** Tells the copies for one collector from everything else, between the two chains: "weir" and a number. */
const firstMark = 0x77656972;

/** Throws WeirError. */
export async function describeTee(
  pipeline: string | undefined,
  options: Omit<NftRulesOptions, 'ports'>,
): Promise<string> {
  const { listen, path } = await loadPipelineFile(pipeline);
  const ports = toUdpPorts(listen);
  if (ports.length === 0)
    throw new WeirError(
      'usage',
      `${path} has no udp://… with a port of its own to listen on: there is nothing to copy`,
    );
  return toNftRules({ ...options, ports });
}

function toUdpPorts(listen: PipelineFile['listen']): readonly number[] {
  const ports = listen.filter(({ protocol, port }) => protocol === 'udp' && port !== 0).map(({ port }) => port);
  return [...new Set(ports)];
}

/** Text for `nft -f`; loaded again it replaces itself. Throws WeirError `usage`. */
export function toNftRules({ ports, targets, exporters }: NftRulesOptions): string {
  for (const { host } of targets) checkTarget(host);
  for (const subnet of exporters ?? []) {
    if (readPrefix(subnet) === undefined) throw new WeirError('usage', `--exporter ${subnet}: expected a subnet`);
    checkForm('--exporter', subnet);
  }
  const tables = (['ip', 'ip6'] as const).flatMap((family) => {
    const bits = family === 'ip' ? 32 : 128;
    const own = targets.filter(({ host }) => readPrefix(host)?.bits === bits);
    const subnets = exporters?.filter((subnet) => readPrefix(subnet)?.bits === bits);
    return own.length === 0 || subnets?.length === 0 ? [] : [toTable(family, ports, own, subnets)];
  });
  if (tables.length === 0)
    throw new WeirError('usage', 'no exporter has an address of the same kind as a collector (IPv4, IPv6)');
  return `# Copies of what exporters send, with their own addresses. Load: nft -f FILE. Take away: nft delete table ip weir_tee\n${tables.join('')}`;
}

function toTable(
  family: 'ip' | 'ip6',
  ports: readonly number[],
  targets: readonly TeeTarget[],
  subnets: readonly string[] | undefined,
): string {
  const from = subnets === undefined ? '' : `${family} saddr { ${subnets.join(', ')} } `;
  const what = `udp dport { ${ports.join(', ')} }`;
  const marks = targets.map((_, index) => `0x${(firstMark + index).toString(16)}`);
  const copies = targets.map(
    ({ host }, i) => `    ${from}${what} fib daddr type local meta mark set ${marks[i]} dup to ${host} meta mark set 0`,
  );
  const addresses = targets.map(
    ({ host, port }, i) =>
      `    meta mark ${marks[i]} ${what} ${family} daddr set ${host} udp dport set ${port} meta mark set 0`,
  );
  return `table ${family} weir_tee
delete table ${family} weir_tee
table ${family} weir_tee {
  chain copy {
    type filter hook prerouting priority mangle; policy accept;
${copies.join('\n')}
  }
  chain address {
    type filter hook postrouting priority mangle; policy accept;
${addresses.join('\n')}
  }
}
`;
}

function checkTarget(host: string): void {
  if (host.includes('/') || readPrefix(host) === undefined)
    throw new WeirError('usage', `the kernel needs an IP address to send copies to, not ${host}`);
  checkForm('--to', host);
  // A copy to this machine would come in again, and be copied again.
  if (isOwnAddress(host))
    throw new WeirError('usage', `the kernel can’t copy to ${host}, this machine itself`, {
      hint: 'Use collect.tee in the pipeline file for a collector on this machine.',
    });
}

/** nftables has no IPv4 in the form of IPv6. */
function checkForm(flag: string, text: string): void {
  if (text.includes(':') && readPrefix(text)?.bits === 32)
    throw new WeirError('usage', `${flag} ${text}: expected IPv4 in its own form, such as 10.0.0.9`);
}
