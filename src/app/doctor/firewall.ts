// Does a firewall of this machine drop what comes to our ports? Told only where its rules leave no doubt: a rule that drops the port,
// or a policy that drops everything while no rule anywhere names the port. Rules can be read by root only.

import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import type { Finding } from '../../model/finding.ts';
import { toFinding } from '../findings/catalog.ts';
import { toAddressText } from '../ports.ts';
import type { Check, Checked } from './check.ts';
import { type RunProgram, runProgram } from './clock.ts';

type Transport = 'udp' | 'tcp';
/** Whose datagrams an address takes; of one that takes both, IPv4's: most exporters send by it. */
type Family = 'ip' | 'ip6';

interface Firewall {
  readonly tool: string;
  /** Undefined: these rules don't say. */
  drops(port: number, transport: Transport, family: Family): boolean | undefined;
  /** The command that lets the port in. */
  allow(port: number, transport: Transport, family: Family): string;
}

export function checkFirewall({ listen }: PipelineFile, run: RunProgram = runProgram): Check {
  return {
    what: 'firewall',
    async run(): Promise<Checked> {
      const read = [readFirewalld(listen, run), readIptables(run), readLegacyIptables(run), readNft(run)];
      const firewalls = (await Promise.all(read)).filter((found) => found !== undefined);
      if (firewalls.length === 0)
        return { findings: [], said: 'no rules can be read (as root they can, where there are any)' };
      const findings: Finding[] = [];
      for (const address of listen) {
        const transport = address.protocol === 'udp' ? 'udp' : 'tcp';
        const family = address.host.includes(':') && address.host !== '::' ? 'ip6' : 'ip';
        const dropping = firewalls.find(({ drops }) => drops(address.port, transport, family) === true);
        if (dropping === undefined) continue;
        const { tool, allow } = dropping;
        const values = { tool, address: toAddressText(address), allow: allow(address.port, transport, family) };
        findings.push(toFinding('firewall-drops', values));
      }
      return {
        findings,
        said: `${firewalls.map(({ tool }) => tool).join(', ')}: ${findings.length === 0 ? 'no rule drops our ports' : 'see below'}`,
      };
    },
  };
}

async function readFirewalld(listen: PipelineFile['listen'], run: RunProgram): Promise<Firewall | undefined> {
  if ((await run('firewall-cmd', ['--state']))?.trim() !== 'running') return undefined;
  const zone = (await run('firewall-cmd', ['--list-all'])) ?? '';
  const isTrusted = /^\s*target: ACCEPT/m.test(zone);
  const open = new Set<string>();
  for (const { port, protocol } of listen) {
    const name = `${port}/${protocol === 'udp' ? 'udp' : 'tcp'}`;
    // The answer is "yes", or "no" with an exit code that makes it none.
    if ((await run('firewall-cmd', [`--query-port=${name}`]))?.trim() === 'yes') open.add(name);
  }
  // Services and rich rules may let it in as well: then we don't know.
  const mayBeElsewhere = /^\s*(?:services: .*(?:netflow|sflow|ipfix)|rich rules:\s*\n\s*\S)/m.test(zone);
  return {
    tool: 'firewalld',
    drops: (port, transport) =>
      isTrusted || open.has(`${port}/${transport}`) ? false : mayBeElsewhere ? undefined : true,
    allow: (port, transport) => `firewall-cmd --permanent --add-port=${port}/${transport} && firewall-cmd --reload`,
  };
}

/** Where "iptables" is that of nftables, older rules may lie beside it. Asking makes tables of them, so only where there are some. */
async function readLegacyIptables(run: RunProgram): Promise<Firewall | undefined> {
  const tables = (await run('cat', ['/proc/net/ip_tables_names'])) ?? '';
  return /^filter$/m.test(tables) ? readIptables(run, 'iptables-legacy') : undefined;
}

async function readIptables(run: RunProgram, tool = 'iptables'): Promise<Firewall | undefined> {
  const rules = await run(tool, ['-S']);
  if (rules === undefined || !/^-P INPUT/m.test(rules)) return undefined;
  return {
    tool,
    drops: (port, transport, family) => (family === 'ip' ? iptablesDrops(rules, port, transport) : undefined),
    allow: (port, transport) =>
      /^-N ufw/m.test(rules)
        ? `ufw allow ${port}/${transport}`
        : `${tool} -I INPUT -p ${transport} --dport ${port} -j ACCEPT`,
  };
}

/** `iptables -S`: policies, then rules in their order. */
export function iptablesDrops(rules: string, port: number, transport: Transport): boolean | undefined {
  const named = rules.split('\n').filter((line) => line.startsWith('-A ') && namesPort(line, port, transport));
  const first = named.find((line) => / -j (?:ACCEPT|DROP|REJECT)\b/.test(line));
  if (first !== undefined) {
    // A rule for some sources only says nothing about the others.
    if (/ -j ACCEPT\b/.test(first)) return false;
    return / (?:-s|-i|-m (?!udp|tcp|multiport)) ?\S/.test(first) ? undefined : true;
  }
  if (named.length > 0) return undefined;
  const policy = /^-P INPUT (\w+)/m.exec(rules)?.[1];
  const input = rules.split('\n').filter((line) => line.startsWith('-A INPUT'));
  const isOpen = input.some(
    (line) => /^-A INPUT -j ACCEPT$/.test(line) || new RegExp(`^-A INPUT -p ${transport} -j ACCEPT$`).test(line),
  );
  if (isOpen) return false;
  const endsShut = policy === 'DROP' || input.some((line) => /^-A INPUT -j (?:DROP|REJECT)\b/.test(line));
  if (!endsShut) return undefined;
  // Whole interfaces, or sources, that are let in: perhaps the exporters'.
  const letsSomeIn = rules
    .split('\n')
    .some(
      (line) =>
        / -j ACCEPT\b/.test(line) &&
        !/(?:-i lo\b|--ctstate|--state|--dport|--dports|-p icmp|-p ipv6-icmp|-A OUTPUT|-A FORWARD)/.test(line) &&
        line.startsWith('-A'),
    );
  return letsSomeIn ? undefined : true;
}

function namesPort(line: string, port: number, transport: Transport): boolean {
  if (!line.includes(`-p ${transport}`)) return false;
  const ports = / --dports? (\S+)/.exec(line)?.[1] ?? '';
  return ports.split(',').some((range) => {
    const [from = Number.NaN, to = from] = range.split(':').map(Number);
    return port >= from && port <= to;
  });
}

async function readNft(run: RunProgram): Promise<Firewall | undefined> {
  const rules = await run('nft', ['list', 'ruleset']);
  if (rules === undefined || !/hook input/.test(rules)) return undefined;
  return {
    tool: 'nftables',
    drops: (port, transport, family) => nftDrops(tablesOf(rules, family), port, transport),
    allow: (port, transport, family) =>
      `nft insert rule ${inputChainOf(tablesOf(rules, family), port, transport)} ${transport} dport ${port} accept`,
  };
}

/** Of `nft list ruleset`, the tables that see packets of the family. */
function tablesOf(rules: string, family: Family): string {
  const tables = rules.split(/^(?=table )/m);
  return tables.filter((table) => new RegExp(`^table (?:inet|${family}) `).test(table)).join('');
}

/** `nft list ruleset`: chains of several tools may stand beside each other; iptables' and firewalld's are looked at by these. */
export function nftDrops(rules: string, port: number, transport: Transport): boolean | undefined {
  const lines = rules.split('\n').map((line) => line.trim());
  for (const line of lines) {
    const ports = new RegExp(`\\b${transport} dport (\\{[^}]*\\}|\\S+)`).exec(line)?.[1];
    if (ports === undefined || !coversPort(ports, port)) continue;
    if (/\baccept\b/.test(line)) return false;
    if (/\b(?:drop|reject)\b/.test(line) && !/\b(?:saddr|iifname|iif)\b/.test(line)) return true;
    return undefined;
  }
  const shut = /type filter hook input [^;]*; policy drop;/.test(rules);
  // Without a port: sources or interfaces that are let in, jumps to other chains, sets.
  const mayBeElsewhere = lines.some(
    (line) =>
      (/\baccept\b/.test(line) && !/\b(?:dport|ct state|iif "?lo"?|iifname "?lo"?|icmp|icmpv6|policy)\b/.test(line)) ||
      /\b(?:jump|goto)\b|@\w/.test(line),
  );
  return shut && !mayBeElsewhere ? true : undefined;
}

function coversPort(text: string, port: number): boolean {
  return text
    .replaceAll(/[{}\s]/g, '')
    .split(',')
    .some((range) => {
      const [from = Number.NaN, to = from] = range.split('-').map(Number);
      return port >= from && port <= to;
    });
}

/** `inet filter input`: the chain with the rule that drops the port, or else the one of the input that drops what nothing lets in. */
function inputChainOf(rules: string, port: number, transport: Transport): string {
  let [table, chain] = ['inet filter', 'input'];
  let [dropping, shut, input]: (string | undefined)[] = [];
  for (const line of rules.split('\n')) {
    table = /^table (\S+ \S+) \{/.exec(line)?.[1] ?? table;
    chain = /^\s+chain (\S+) \{/.exec(line)?.[1] ?? chain;
    const place = `${table} ${chain}`;
    if (/hook input /.test(line)) input ??= place;
    if (/hook input .*policy drop/.test(line)) shut ??= place;
    if (nftDrops(line, port, transport) === true) dropping ??= place;
  }
  return dropping ?? shut ?? input ?? `${table} ${chain}`;
}
