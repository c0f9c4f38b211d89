import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { DescribedAddress } from '../../src/enrich/address-cache.ts';
import { FlowDocument } from '../../src/enrich/flow-document.ts';
import { createDocumentLane, createPipeline } from '../../src/enrich/pipeline.ts';
import { createServerByEvidence, serverRules } from '../../src/enrich/server-rules.ts';
import { createServiceNames } from '../../src/enrich/service-names.ts';
import { serverStep } from '../../src/enrich/steps/server.ts';
import { toTestBatch, valueAtPath } from '../../src/enrich/test-record.ts';
import { silentLogger } from '../../src/telemetry/logger.ts';

const services = createServiceNames();
const nowMs = Date.UTC(2026, 0, 1);
let decide: (flow: FlowDocument) => void;

beforeEach(() => {
  decide = createServerByEvidence(services, { windowMs: 60_000, memoryMs: 3_600_000 });
});

interface Sent extends Partial<FlowDocument> {
  readonly from?: string;
  readonly to?: string;
  readonly exporter?: string;
  readonly atMs?: number;
}

function ruled({ from = '10.0.0.1', to = '10.0.0.2', exporter = '192.0.2.1', atMs = nowMs, ...fields }: Sent): string {
  const header = { exporter, domain: 0, setId: null, receivedAtMs: atMs, exportedAtMs: atMs, sequence: 0 };
  const flow = Object.assign(new FlowDocument(), { header, protocol: 17, ...fields });
  flow.src = new DescribedAddress(from, from.includes(':') ? 6 : 4, true);
  flow.dst = new DescribedAddress(to, to.includes(':') ? 6 : 4, true);
  decide(flow);
  return `${flow.server} ${flow.serverRule}`;
}

// 443 https and 5000 commplex-main are registered, 43173, 50000 and 20001 have no name (IANA's registry).
describe('the rule by evidence', () => {
  it.each([
    ['the record says so', { server: 'src', srcPort: 50_000, dstPort: 443 }, 'src record'],
    ['biflow: the source began', { biflowDirection: 1, srcPort: 443, dstPort: 50_000 }, 'dst biflow'],
    ['biflow: the destination began', { biflowDirection: 2, srcPort: 50_000, dstPort: 443 }, 'src biflow'],
    ['biflow: arbitrary says nothing', { biflowDirection: 0, srcPort: 50_000, dstPort: 443 }, 'dst service'],
    ['biflow: perimeter says nothing', { biflowDirection: 3, srcPort: 50_000, dstPort: 443 }, 'dst service'],
    ['a SYN', { protocol: 6, tcpFlags: 0x02, srcPort: 443, dstPort: 50_000 }, 'dst flags'],
    [
      'one packet with SYN and ACK',
      { protocol: 6, tcpFlags: 0x12, packets: 1, srcPort: 50_000, dstPort: 443 },
      'src flags',
    ],
    [
      'one sampled packet with SYN and ACK',
      { protocol: 6, tcpFlags: 0x12, packets: 512, samplingInterval: 512, srcPort: 50_000, dstPort: 443 },
      'src flags',
    ],
    [
      'SYN and ACK gathered from several packets say nothing',
      { protocol: 6, tcpFlags: 0x12, packets: 3, srcPort: 50_000, dstPort: 443 },
      'dst service',
    ],
    ['UDP has no flags', { tcpFlags: 0x02, srcPort: 443, dstPort: 50_000 }, 'src service'],
    ['an echo request', { protocol: 1, srcPort: 0, dstPort: 2048 }, 'dst echo'],
    ['an echo request by its own element', { protocol: 1, icmpTypeCode: 2048, dstPort: 0 }, 'dst echo'],
    ['an ICMPv6 echo reply, type and code apart', { protocol: 58, icmpType: 129, icmpCode: 0 }, 'src echo'],
    ['an unreachable port', { protocol: 1, icmpType: 3, icmpCode: 3, dstPort: 2048 }, 'undefined undefined'],
    ['a protocol without ports', { protocol: 47 }, 'undefined undefined'],
    ['no protocol', { protocol: undefined, srcPort: 50_000, dstPort: 443 }, 'undefined undefined'],
    ['a multicast group', { to: '239.255.255.250', srcPort: 1900, dstPort: 50_000 }, 'dst multicast'],
    ['an IPv6 multicast group', { to: 'ff02::fb', srcPort: 5353, dstPort: 50_000 }, 'dst multicast'],
    ['a broadcast', { to: '255.255.255.255', srcPort: 68, dstPort: 50_000 }, 'dst multicast'],
    ['the address after multicast', { to: '240.0.0.1', srcPort: 53, dstPort: 50_000 }, 'src service'],
    ['the address before multicast', { to: '223.255.255.255', srcPort: 53, dstPort: 50_000 }, 'src service'],
    ['an IPv6 address that only looks alike', { to: 'ff0::1', srcPort: 53, dstPort: 50_000 }, 'src service'],
    ['a well-known service beside a registered port', { srcPort: 5000, dstPort: 443 }, 'dst service'],
    ['the same seen the other way', { srcPort: 443, dstPort: 5000 }, 'src service'],
    ['a registered port beside a temporary one', { srcPort: 50_000, dstPort: 5000 }, 'dst service'],
    ['a registered port beside an ordinary one', { srcPort: 20_007, dstPort: 5000 }, 'dst registered'],
    ['two well-known services', { srcPort: 443, dstPort: 53 }, 'dst port'],
    ['two temporary ports', { srcPort: 43_173, dstPort: 50_000 }, 'src port'],
    ['equal ports', { srcPort: 43_173, dstPort: 43_173 }, 'dst port'],
    ['port 0 on both sides', { srcPort: 0, dstPort: 0 }, 'undefined undefined'],
    ['no ports', {}, 'undefined undefined'],
  ] as const)('%s', (_title, fields, expected) => {
    expect(ruled(fields)).toBe(expected);
  });
});

describe('the order of both directions', () => {
  const request = { from: '10.0.0.1', to: '10.0.0.2', srcPort: 43_003, dstPort: 50_000, startMs: nowMs - 500 };
  const answer = { from: '10.0.0.2', to: '10.0.0.1', srcPort: 50_000, dstPort: 43_003, startMs: nowMs - 480 };

  it('shows who began, whichever record comes first, and whatever the ports', () => {
    expect(ruled(request)).toBe('src port');
    expect(ruled(answer)).toBe('src order');
    expect(ruled(request)).toBe('dst order');
  });

  it.each([
    ['of another exporter', { exporter: '192.0.2.2' }],
    ['of another protocol', { protocol: 132 }],
    ['of another port', { dstPort: 43_005 }],
    ['after the window', { atMs: nowMs + 60_001 }],
    ['that began at the same time', { startMs: request.startMs }],
    ['that began more than three seconds later', { startMs: request.startMs + 3001 }],
    ['that is sampled', { samplingInterval: 100 }],
    ['without a start', { startMs: undefined }],
  ])('is not told by a record %s', (_title, change) => {
    ruled(request);
    expect(ruled({ ...answer, ...change })).toBe('dst port');
  });

  it('goes by the first start of each direction: later records begin where the last one ended', () => {
    ruled(request);
    ruled(answer);
    expect(ruled({ ...answer, startMs: nowMs - 490 })).toBe('src order');
    expect(ruled({ ...request, startMs: nowMs + 10, atMs: nowMs + 30_000 })).toBe('dst order');
  });
});

describe('learnt listeners', () => {
  const syn = { protocol: 6, tcpFlags: 0x02, from: '10.0.0.1', to: '10.0.0.2', srcPort: 41_793, dstPort: 50_000 };
  const established = {
    protocol: 6,
    tcpFlags: 0x18,
    from: '10.0.0.3',
    to: '10.0.0.2',
    srcPort: 41_001,
    dstPort: 50_000,
  };

  it('serve the next client, too', () => {
    expect(ruled(established)).toBe('src port');
    ruled(syn);
    expect(ruled(established)).toBe('dst listener');
  });

  it('are forgotten after the memory', () => {
    ruled(syn);
    expect(ruled({ ...established, atMs: nowMs + 3_600_000 })).toBe('dst listener');
    expect(ruled({ ...established, atMs: nowMs + 3_600_001 })).toBe('src port');
  });

  it('are not learnt from port numbers', () => {
    ruled({ from: '10.0.0.1', to: '10.0.0.2', srcPort: 45_003, dstPort: 41_793 });
    expect(ruled({ from: '10.0.0.3', to: '10.0.0.2', srcPort: 39_001, dstPort: 41_793 })).toBe('src port');
  });

  it('are forgotten when they open a connection themselves', () => {
    ruled(syn);
    ruled({ ...syn, from: '10.0.0.2', to: '10.0.0.9', srcPort: 50_000, dstPort: 60_000 });
    expect(ruled(established)).toBe('src port');
  });
});

it('takes no more room, however many conversations there are', () => {
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 200_000; i++) {
    ruled({ from: `10.${i >>> 16}.${(i >>> 8) & 255}.${i & 255}`, srcPort: 41_793, dstPort: 50_000, startMs: nowMs });
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
});

describe.each([
  ['IPFIX milliseconds', 'ipfix', 'flowStartMilliseconds', (ms: number) => ms],
  ['IPFIX microseconds before the export', 'ipfix', 'flowStartDeltaMicroseconds', (ms: number) => (nowMs - ms) * 1000],
  ['NetFlow v9 uptimes', 'netflow9', 'flowStartSysUpTime', (ms: number) => 5000 - (nowMs - ms)],
] as const)('the start of a flow in %s', (_title, protocol, element, toValue) => {
  it('is read when the step asks for it', async () => {
    const step = await serverStep.create(serverStep.options.parse({}), { folder: '.', logger: silentLogger });
    const pipeline = createPipeline({ steps: [{ name: 'server', step }] });
    const lane = createDocumentLane();
    const rules = ['10.0.0.1', '10.0.0.2'].map((from, index) => {
      const batch = toTestBatch({
        protocol,
        header: { receivedAtMs: nowMs, exportedAtMs: nowMs, sysUptimeMs: 5000 },
        fields: {
          sourceIPv4Address: from,
          destinationIPv4Address: index === 0 ? '10.0.0.2' : '10.0.0.1',
          sourceTransportPort: index === 0 ? 43_003 : 50_000,
          destinationTransportPort: index === 0 ? 50_000 : 43_003,
          protocolIdentifier: 17,
          [element]: toValue(nowMs - 500 + index),
        },
      });
      return valueAtPath(JSON.parse(pipeline.toDocuments(batch, lane).bytes.toString()), 'flow.server_rule');
    });
    expect(rules).toEqual(['port', 'order']);
  });
});

it('docs/pipelines.md has a row for each rule', () => {
  const docs = readFileSync(new URL('../../docs/pipelines.md', import.meta.url), 'utf8');
  const rows = docs
    .slice(docs.indexOf('| `flow.server_rule` |'))
    .split('\n')
    .slice(2, 2 + Object.keys(serverRules).length);
  expect(rows.map((row) => row.split('`')[1])).toEqual(Object.keys(serverRules));
});
