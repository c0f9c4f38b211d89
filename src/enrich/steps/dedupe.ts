// Step `dedupe`: the same packets, told by several exporters on their way, or twice by one (where they come in and where they
// go out). All documents are stored; those that tell it again say `flow.canonical: false`, so that sums can leave them out.

import { z } from 'zod';
import type { FlowDocument } from '../flow-document.ts';
import { duration } from '../setting-types.ts';
import type { StepDefinition } from '../step.ts';
import { hashAddress, hashText, mixHash } from '../text-hash.ts';

const options = z.strictObject({
  window: duration(1000, 3_600_000)
    .prefault('5m')
    .describe(
      'So long after its last record an observer goes on counting for a flow; then another may take its place. The longest active timeout of your exporters is a good value.',
    ),
});

export type DedupeOptions = z.infer<typeof options>;

/** 4 MB. One place per hash: a newcomer takes the place of what stood there, and then both are canonical. */
const places = 262_144;

/**
 * An observer is an exporter and a direction. Records of one observer are never each other's duplicates, whatever their
 * interfaces: packets of one flow may take several ways. Flows are told apart by addresses, ports and protocol as they were
 * metered: across address translation they are two.
 * A batch that is tried again meets the observer that it has put there itself, and so gets the same marks; if another has taken
 * the place meanwhile (after `window`), marks may differ, ids do not.
 */
export const dedupeStep: StepDefinition<DedupeOptions> = {
  name: 'dedupe',
  summary: 'Marks flows that another exporter, or another direction of the same one, has told already.',
  options,
  reads: [
    'event.host',
    'flow.direction',
    'flow.ip_protocol',
    'flow.src_addr',
    'flow.dst_addr',
    'flow.src_port',
    'flow.dst_port',
  ],
  writes: ['flow.canonical'],
  cost: { microseconds: 0.2, remark: 'And 4 MB of memory, however many flows there are.' },
  examples: [
    {
      title: 'who tells a flow first counts, and is not marked',
      options: {},
      record: { sourceIPv4Address: '10.0.0.1', destinationIPv4Address: '10.0.0.2', protocolIdentifier: 6 },
      expect: { 'flow.canonical': null },
    },
    {
      title: 'a flow without addresses is nobody’s duplicate',
      options: { window: '1m' },
      record: { protocolIdentifier: 6 },
      expect: { 'flow.canonical': null },
    },
  ],
  create({ window }) {
    const checks = new Int32Array(places);
    const observers = new Int32Array(places);
    const seen = new Float64Array(places).fill(Number.NEGATIVE_INFINITY);
    let lastExporter = '';
    let exporterHash = 0;

    function apply(flow: FlowDocument): undefined {
      const { src, dst, header } = flow;
      if (src === undefined || dst === undefined) return;
      const { exporter, receivedAtMs } = header;
      if (exporter !== lastExporter) {
        lastExporter = exporter;
        exporterHash = hashText(exporter);
      }
      const observer = mixHash(exporterHash, flow.direction ?? -1);
      const from = mixHash(hashAddress(src), flow.srcPort ?? -1);
      const to = mixHash(hashAddress(dst), flow.dstPort ?? -1);
      const hash = mixHash(mixHash(from, to), flow.protocol ?? -1);
      const check = mixHash(to, from);
      const place = hash & (places - 1);
      const isFree = checks[place] !== check || Math.abs(receivedAtMs - seen[place]!) > window;
      if (!isFree && observers[place] !== observer) {
        flow.canonical = false;
        return;
      }
      checks[place] = check;
      observers[place] = observer;
      seen[place] = receivedAtMs;
    }

    return { apply };
  },
};
