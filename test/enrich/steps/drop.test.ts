import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { createDocumentLane } from '../../../src/enrich/document-writer.ts';
import { createPipeline } from '../../../src/enrich/pipeline.ts';
import { dropStep } from '../../../src/enrich/steps/drop.ts';
import { toTestBatch } from '../../../src/enrich/test-record.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';

const dns = {
  sourceIPv4Address: '192.0.2.7',
  sourceTransportPort: 43_173,
  destinationIPv4Address: '8.8.8.8',
  destinationTransportPort: 53,
  protocolIdentifier: 17,
};
const web = {
  sourceIPv6Address: '2001:db8::7',
  sourceTransportPort: 43_173,
  destinationIPv6Address: '2001:db8:1::1',
  destinationTransportPort: 443,
  protocolIdentifier: 6,
  tcpControlBits: 0x12,
};

describe('drop', () => {
  it.each<[title: string, when: unknown, record: Record<string, unknown>, dropped: boolean]>([
    ['a value', { 'flow.dst_port': 53 }, dns, true],
    ['another value', { 'flow.dst_port': 54 }, dns, false],
    ['a value in quotes', { 'flow.dst_port': '53' }, dns, true],
    ['a name as it is stored', { 'flow.ip_protocol': 'UDP' }, dns, true],
    ['a name in other letters', { 'flow.ip_protocol': 'udp' }, dns, false],
    ['a list with the value in it', { 'flow.dst_port': [443, 53] }, dns, true],
    ['a list without the value', { 'flow.dst_port': [443, 80] }, dns, false],
    ['two conditions', { 'flow.dst_port': 53, 'flow.src_addr': '192.0.2.0/24' }, dns, true],
    ['two conditions of which one does not hold', { 'flow.dst_port': 53, 'flow.src_addr': '10.0.0.0/8' }, dns, false],
    ['an address', { 'flow.dst_addr': '8.8.8.8' }, dns, true],
    ['another address', { 'flow.dst_addr': '8.8.4.4' }, dns, false],
    ['a list of subnets', { 'flow.dst_addr': ['10.0.0.0/8', '8.8.0.0/16'] }, dns, true],
    ['an IPv6 subnet', { 'flow.src_addr': '2001:db8::/32' }, web, true],
    ['an IPv6 address in another spelling', { 'flow.src_addr': '2001:DB8:0::7' }, web, true],
    ['everything of the other family', { 'flow.src_addr': '0.0.0.0/0' }, web, false],
    ['one of the values of a field that has several', { 'flow.tcp_flags': 'SYN' }, web, true],
    ['none of the values of a field that has several', { 'flow.tcp_flags': 'RST' }, web, false],
    ['a field that is absent', { 'flow.vlan': 0 }, dns, false],
    ['a condition that holds', 'flow.dst_port = 53 and flow.dst_addr in 8.8.0.0/16', dns, true],
    ['a condition that does not hold', 'flow.dst_port = 53 and flow.dst_addr in 8.9.0.0/16', dns, false],
    ['the exporter', { 'node.ipaddr': '203.0.113.0/24' }, dns, true],
  ])('compares %s', async (_title, when, fields, dropped) => {
    const step = await dropStep.create(dropStep.options.parse({ when }), { folder: '.', logger: silentLogger });
    const pipeline = createPipeline({ steps: [{ name: 'drop', step }] });
    for (let times = 0; times < 2; times++) {
      const batch = toTestBatch({ protocol: 'ipfix', exporter: '203.0.113.1', fields });
      const documents = pipeline.toDocuments(batch, createDocumentLane());
      expect(documents.count).toBe(dropped ? 0 : 1);
      expect(documents.dropped.map(({ step, rows }) => ({ step, rows }))).toEqual(
        dropped ? [{ step: 'drop', rows: 1 }] : [],
      );
    }
  });
});

/** With those of each form that an option may have. */
function messagesOf(issues: readonly z.core.$ZodIssue[]): string[] {
  return issues.flatMap((issue) => [
    issue.message,
    ...(issue.code === 'invalid_union' ? issue.errors.flatMap(messagesOf) : []),
  ]);
}

describe('the conditions of drop', () => {
  it.each<[options: unknown, message: RegExp]>([
    [{}, /expected a condition such as .*, or a mapping/],
    [{ when: {} }, /a condition is missing/],
    [{ when: { 'flow.dst_prt': 53 } }, /unknown field "flow\.dst_prt"; did you mean "flow\.dst_port"\?/],
    [
      { when: { 'flow.dst_addr': '10.0.0.0/33' } },
      /expected an IP address or a subnet such as .*, not "10\.0\.0\.0\/33"/,
    ],
    [{ when: { 'flow.dst_addr': ['10.0.0.1', 'router'] } }, /not "router"/],
    [{ when: { 'flow.dst_port': [] } }, /the list of values is empty/],
    [{ when: { 'flow.dst_port': { from: 1 } } }, /expected a value/],
    [{ when: 'flow.dst_prt = 53' }, /unknown field "flow\.dst_prt"; did you mean "flow\.dst_port"\?/],
    [{ when: { 'flow.dst_port': 53 }, unless: {} }, /unless/],
  ])('%j is a mistake', (options, message) => {
    const { error } = dropStep.options.safeParse(options);
    expect(messagesOf(error?.issues ?? []).join('\n')).toMatch(message);
  });
});
