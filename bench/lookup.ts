// The step `lookup` with a million prefixes: what the table takes in memory, how long it takes to read, and what a look-up
// costs in the step; a reputation list. Then conditions of the pipeline file. Run: npx tsx bench/lookup.ts

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { DescribedAddress } from '../src/enrich/address-cache.ts';
import { createCondition } from '../src/enrich/condition.ts';
import { FlowDocument } from '../src/enrich/flow-document.ts';
import { lookupStep } from '../src/enrich/steps/lookup.ts';
import { reputationStep } from '../src/enrich/steps/reputation.ts';
import { silentLogger } from '../src/telemetry/logger.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const prefixes = 1_000_000;
const sites = 1000;
const lookups = 2_000_000;
const outerAddresses = 30_000;

/** The same numbers in each run (xorshift). */
let state = 0x9e3779b9;
function random(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}

const v4Text = (n: number) => `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`;
const v6Text = (n: number, more: number) =>
  `2001:${(n >>> 16).toString(16)}:${(n & 0xffff).toString(16)}:${(more & 0xffff).toString(16)}`;

const flow = new FlowDocument();

/** Of one call. CPU time; on a machine with other work the fastest tenth of it says what the code costs. */
function nanoseconds(run: (times: number) => void, times: number): number {
  const parts = 100;
  const costs = Array.from({ length: parts }, () => {
    const before = process.cpuUsage();
    run(times / parts);
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000 * parts) / times;
  });
  return costs.sort((a, b) => a - b)[parts / 10]!;
}

/** Of an address that was never seen: its text was made just before, as in the pipeline, and the table's places are cold. */
function nanosecondsOfNew(toAddress: () => DescribedAddress, look: (facts: DescribedAddress) => void): number {
  const parts = 300;
  const atOnce = 2000;
  const costs = Array.from({ length: parts }, () => {
    const addresses = Array.from({ length: atOnce }, toAddress);
    const before = process.cpuUsage();
    for (const facts of addresses) look(facts);
    const { user, system } = process.cpuUsage(before);
    return ((user + system) * 1000) / atOnce;
  });
  return costs.sort((a, b) => a - b)[parts / 10]!;
}

function usedBytes(): number {
  // What is outside the heap is given back one collection later.
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const folder = mkdtempSync(join(tmpdir(), 'weir-bench-'));
try {
  await measureReputation();
  for (const [title, toPrefix, toAddress] of [
    [
      'IPv4',
      () => `${v4Text(random())}/${12 + (random() % 21)}`,
      () => new DescribedAddress(v4Text(random()), 4, false),
    ],
    [
      'IPv6',
      () => `${v6Text(random(), random())}::/${32 + (random() % 33)}`,
      () => new DescribedAddress(`${v6Text(random(), random())}::1`, 6, false),
    ],
  ] as const) {
    const lines = ['network,site,owner'];
    for (let i = 0; i < prefixes; i++) lines.push(`${toPrefix()},site-${i % sites},owner-${random() % prefixes}`);
    writeFileSync(join(folder, `${title}.csv`), `${lines.join('\n')}\n`);
    lines.length = 0;
    const addresses = Array.from({ length: outerAddresses }, toAddress);
    // Popular ones first: rank r comes about 1/r as often as the first.
    const zipf = Array.from(
      { length: 65_536 },
      () => addresses[Math.floor(outerAddresses ** (random() / 2 ** 32)) - 1] ?? addresses[0]!,
    );
    const before = usedBytes();
    const started = performance.now();
    const step = await lookupStep.create(
      lookupStep.options.parse({
        by: 'flow.src_addr',
        file: `${title}.csv`,
        set: { 'labels.site': 'site', 'labels.owner': 'owner' },
      }),
      { folder, logger: silentLogger },
    );
    const seconds = (performance.now() - started) / 1000;
    const bytes = usedBytes() - before;
    let found = 0;
    const look = (from: readonly DescribedAddress[]) => {
      let at = 0;
      return (times: number): void => {
        for (let i = 0; i < times; i++) {
          flow.clear();
          at = (at + 1) % from.length;
          flow.src = from[at]!;
          step.apply?.(flow);
          if (flow.changes.isUsed) found += 1;
        }
      };
    };
    const popular = nanoseconds(look(zipf), lookups);
    found = 0;
    const even = nanoseconds(look(addresses), lookups);
    const foundOf = found;
    const fresh = nanosecondsOfNew(toAddress, (facts) => {
      flow.clear();
      flow.src = facts;
      step.apply?.(flow);
    });
    console.log(
      `${prefixes.toLocaleString('en')} ${title} prefixes, two columns (a million different texts): read in ${seconds.toFixed(1)} s, ` +
        `${Math.round(bytes / 2 ** 20)} MB; ${popular.toFixed(0)} ns per flow for ${outerAddresses.toLocaleString('en')} addresses, some popular; ${even.toFixed(0)} ns where all are alike; ${fresh.toFixed(0)} ns where each is new; ${Math.round((100 * foundOf) / lookups)} % found`,
    );
    await step.close?.();
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** A list of 100,000 addresses and subnets, /16 to /32; each public address is looked up once, and then known (address-cache.ts). */
async function measureReputation(): Promise<void> {
  const entries = 100_000;
  const lines = Array.from({ length: entries }, (_, i) =>
    i % 2 === 0 ? v4Text(random()) : `${v4Text(random())}/${16 + (i % 17)}`,
  );
  writeFileSync(join(folder, 'bad.txt'), `${lines.join('\n')}\n`);
  lines.length = 0;
  let found = 0;
  let looked = 0;
  const before = usedBytes();
  const step = await reputationStep.create(reputationStep.options.parse({ lists: ['bad.txt'] }), {
    folder,
    logger: silentLogger,
  });
  const bytes = usedBytes() - before;
  const cost = nanosecondsOfNew(
    () => new DescribedAddress(v4Text(random()), 4, false),
    (facts) => {
      step.describe?.(facts);
      looked += 1;
      if (facts.reputation !== undefined) found += 1;
    },
  );
  console.log(
    `${entries.toLocaleString('en')} reputation entries, /16 to /32: ${Math.round(bytes / 2 ** 20)} MB; ${cost.toFixed(0)} ns per new address, ${Math.round((100 * found) / looked)} % found`,
  );
  await step.close?.();
}

const flows = Array.from({ length: 1024 }, () =>
  Object.assign(new FlowDocument(), {
    header: { exporter: '192.0.2.1', domain: 0, setId: null, receivedAtMs: 0, exportedAtMs: 0, sequence: 0 },
    src: new DescribedAddress(v4Text(random() % 2 === 0 ? 0x0a000000 + (random() & 0xffffff) : random()), 4, false),
    dstPort: [53, 853, 443, 80][random() % 4]!,
    protocol: 6,
    tcpFlags: random() & 63,
    bytes: random() & 0xffff,
    application: ['ssl', 'dns', 'http'][random() % 3]!,
  }),
);
for (const text of [
  'flow.dst_port in [53, 853] and flow.src_addr in 10.0.0.0/8 and not exists flow.vlan',
  'flow.src_addr in [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 2001:db8::/32]',
  'flow.dst_port = 443 and flow.bytes > 10000',
  'flow.ip_protocol = "TCP" and flow.tcp_flags = "SYN" or flow.application starts with "ss"',
]) {
  const { holds } = createCondition(text);
  let count = 0;
  const ask = (times: number): void => {
    for (let i = 0; i < times; i++) if (holds(flows[i & 1023]!)) count += 1;
  };
  const cost = nanoseconds(ask, 5_000_000);
  console.log(`${cost.toFixed(0)} ns: ${text} (holds for ${Math.round(count / 50_000)} %)`);
}
