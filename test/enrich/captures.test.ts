// Real and crafted datagrams, decoded and enriched: each flow record becomes one document, with the ends of its flow.

import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createDecoder } from '../../src/decode/decoder.ts';
import { createDocumentLane, createPipeline } from '../../src/enrich/pipeline.ts';
import { valueAtPath } from '../../src/enrich/test-record.ts';
import { becomesDocument, type RecordSet } from '../../src/model/record.ts';
import type { RecordBatch } from '../../src/model/record-batch.ts';
import { capturesFolder, describeWith } from '../needs.ts';
import { parseDocuments } from './sample-document.ts';

interface Capture {
  readonly datagrams: readonly string[];
  readonly meta: readonly { readonly src: string; readonly srcPort: number }[];
}

interface Expectation {
  readonly complete: boolean;
  readonly records: readonly { readonly type: string; readonly fields: Readonly<Record<string, unknown>> }[] | null;
}

const cases = () =>
  readdirSync(`${capturesFolder}datagrams`).map((file) => ({
    name: file.replace('.json', ''),
    capture: JSON.parse(readFileSync(`${capturesFolder}datagrams/${file}`, 'utf8')) as Capture,
    expected: JSON.parse(readFileSync(`${capturesFolder}expected/${file}`, 'utf8')) as Expectation,
  }));

function toBatch(sets: readonly RecordSet[]): RecordBatch {
  return {
    id: 'capture',
    createdAtMs: 0,
    recordCount: sets.reduce((sum, { rows }) => sum + rows.length, 0),
    byteSize: 0,
    layouts: sets.map(({ layout }) => layout),
    sets: sets.map(({ header, rows }, layout) => ({ layout, header, rows })),
  };
}

describeWith(['captures'], 'documents of the captures', () => {
  test('are one for each flow record, and name the ends of its flow', () => {
    const pipeline = createPipeline({ steps: [] });
    const lane = createDocumentLane();
    let compared = 0;
    for (const { name, capture, expected } of cases()) {
      const decoder = createDecoder({ onFault: () => undefined });
      const documents = capture.datagrams.flatMap((hex, index) => {
        const { src, srcPort } = capture.meta[index]!;
        const payload = Buffer.from(hex, 'hex');
        const sets = decoder.decode({ payload, exporter: src, exporterPort: srcPort, receivedAtMs: 1.7e12 });
        const made = parseDocuments(pipeline.toDocuments(toBatch(sets), lane));
        const flows = sets.filter(({ layout }) => becomesDocument(layout.kind)).flatMap(({ rows }) => rows);
        expect([name, made.length]).toEqual([name, flows.length]);
        return made;
      });
      const flows = expected.complete ? (expected.records ?? []).filter(({ type }) => type === 'flow') : [];
      if (flows.length !== documents.length) continue;
      documents.forEach((document, index) => {
        const { fields } = flows[index]!;
        const place = `${name} ${index}`;
        expect([place, ...endsOf(document)]).toEqual([place, ...expectedEnds(fields)]);
        compared += 1;
      });
    }
    expect(compared).toBeGreaterThan(1500);
  });
});

function endsOf(document: unknown): unknown[] {
  return ['src_addr', 'dst_addr', 'src_port', 'dst_port', 'input_snmp', 'output_snmp'].map((name) =>
    valueAtPath(document, `flow.${name}`),
  );
}

/** Straight from the list of fields: a family whose addresses are all zero gives way, of lists the first counts. */
function expectedEnds(fields: Readonly<Record<string, unknown>>): unknown[] {
  const first = (...names: readonly string[]) => {
    const value = names.map((name) => fields[name]).find((candidate) => candidate !== undefined && candidate !== null);
    return Array.isArray(value) ? (value as readonly unknown[])[0] : value;
  };
  const zero = (family: string) =>
    [first(`source${family}Address`), first(`destination${family}Address`)].every(
      (address) => address === undefined || address === '0.0.0.0' || address === '::',
    );
  const version = first('ipVersion');
  const isV6 =
    (first('sourceIPv6Address') ?? first('destinationIPv6Address')) !== undefined &&
    (version === 6 || (version !== 4 && zero('IPv4') && !zero('IPv6')));
  const family = isV6 ? 'IPv6' : 'IPv4';
  return [
    first(`source${family}Address`),
    first(`destination${family}Address`),
    first('sourceTransportPort', 'tcpSourcePort', 'udpSourcePort'),
    first('destinationTransportPort', 'tcpDestinationPort', 'udpDestinationPort'),
    first('ingressInterface', 'ingressPhysicalInterface'),
    first('egressInterface', 'egressPhysicalInterface'),
  ];
}
