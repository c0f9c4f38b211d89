// sFlow v5 datagram → one record set per sample. sFlow v5 specification (sFlow.org, July 2004) §5; "sFlow Dropped Packet
// Notification Structures" for discards. Every length is compared with what is left before it is used; counts only end loops.

import { ipv4TextAt, ipv6TextAt } from '../model/address-text.ts';
import type { Datagram } from '../model/datagram.ts';
import type { Fault } from '../model/fault.ts';
import type { Layout, RecordSet, Row, SflowHeader } from '../model/record.ts';
import { createInnerPacket } from './packet-tunnels.ts';
import { createSampleLayouts, SampleFields } from './sample-fields.ts';
import { slot } from './sflow-columns.ts';
import { createCounterReader } from './sflow-counters.ts';
import { createFlowRecordReader } from './sflow-records.ts';
import { uint32At } from './wire-numbers.ts';
import { addressLengthOf, formatText, paddedEnd } from './xdr-data.ts';

export type DecodeSflow5 = (datagram: Datagram, onFault: (fault: Fault) => void) => RecordSet[];

const version = 5;

/** data_format of a sample: enterprise 0, so the number is the format. */
const sampleFormat = { flow: 1, counters: 2, expandedFlow: 3, expandedCounters: 4, discard: 5 } as const;

/** Bytes of a sample before its flow or counter records, the number of records included. */
const fixedLength = { flow: 32, counters: 12, expandedFlow: 44, expandedCounters: 16, discard: 32 } as const;

export interface Sflow5Options {
  /** Of a packet in a tunnel: the tunnel's addresses, ports and protocol (default), or those of the innermost packet. */
  readonly tunnels?: 'outer' | 'inner';
}

/** One decoder holds the layouts it has made and one scratch row; nothing of one datagram changes what another gives. */
export function createSflow5Decoder({ tunnels = 'outer' }: Sflow5Options = {}): DecodeSflow5 {
  const flowLayouts = createSampleLayouts('flow');
  const discardLayouts = createSampleLayouts('discard');
  const counters = createCounterReader();
  const records = createFlowRecordReader(tunnels === 'inner' ? createInnerPacket() : undefined);
  const fields = new SampleFields();

  return (datagram, onFault) => {
    const { payload: bytes, exporter } = datagram;
    const sets: RecordSet[] = [];
    const end = bytes.length;

    function fault(code: Fault['code'], detail: string): RecordSet[] {
      onFault({ code, exporter, detail });
      return sets;
    }

    // §5.1, sample_datagram: version, agent address (type, bytes), sub-agent id, sequence, uptime, number of samples.
    if (end < 8) return fault('datagram-truncated', `sFlow header: ${end} bytes`);
    if (uint32At(bytes, 0) !== version) return fault('protocol-unknown', `sFlow version ${uint32At(bytes, 0)}`);
    const agentType = uint32At(bytes, 4);
    if (agentType > 2) return fault('protocol-unknown', `sFlow agent address of type ${agentType}`);
    let at = 8 + addressLengthOf(agentType);
    if (at + 16 > end) return fault('datagram-truncated', `sFlow header: ${end} bytes`);
    const agent = agentType === 1 ? ipv4TextAt(bytes, 8) : agentType === 2 ? ipv6TextAt(bytes, 8) : exporter;
    const domain = uint32At(bytes, at);
    const sequence = uint32At(bytes, at + 4);
    const sysUptimeMs = uint32At(bytes, at + 8);
    const sampleCount = uint32At(bytes, at + 12);
    at += 16;

    function add(layout: Layout, row: Row, sflow: SflowHeader): void {
      const { receivedAtMs } = datagram;
      sets.push({
        layout,
        header: {
          exporter,
          domain,
          setId: null,
          receivedAtMs,
          exportedAtMs: receivedAtMs,
          sequence,
          sysUptimeMs,
          sflow,
        },
        rows: [row],
      });
    }

    for (let i = 0; i < sampleCount; i++) {
      if (at + 8 > end) return fault('datagram-truncated', `the datagram ends after ${i} of ${sampleCount} samples`);
      const format = uint32At(bytes, at);
      const length = uint32At(bytes, at + 4);
      const start = at + 8;
      if (length > end - start) {
        return fault('datagram-truncated', `sample ${i} at byte ${at} has ${length} bytes, ${end - start} are left`);
      }
      const sampleEnd = start + length;
      at = paddedEnd(sampleEnd, start, end);

      const fixed = fixedLengthOf(format);
      if (fixed === undefined) {
        fault('sample-unknown', `sample ${i} of format ${formatText(format)}`);
        continue;
      }
      if (length < fixed) {
        fault('sample-malformed', `sample ${i} of format ${formatText(format)} has ${length} bytes`);
        continue;
      }

      const recordsAt = start + fixed;
      const recordCount = uint32At(bytes, recordsAt - 4);
      let wrong: string | undefined;
      if (format === sampleFormat.counters || format === sampleFormat.expandedCounters) {
        const read = counters.read(bytes, recordsAt, sampleEnd, recordCount);
        add(read.layout, read.row, readSampleHeader(bytes, start, format, agent));
        wrong = read.wrong;
      } else {
        fields.clear();
        if (format === sampleFormat.flow) readFlowSample(bytes, start, fields);
        else if (format === sampleFormat.expandedFlow) readExpandedFlowSample(bytes, start, fields);
        else readDiscardedPacket(bytes, start, fields);
        wrong = records.read(bytes, recordsAt, sampleEnd, recordCount, fields);
        const { layout, row } = fields.toRow(format === sampleFormat.discard ? discardLayouts : flowLayouts);
        add(layout, row, readSampleHeader(bytes, start, format, agent));
      }
      if (wrong !== undefined) fault('sample-malformed', `sample ${i}: ${wrong}`);
    }
    return sets;
  };
}

function fixedLengthOf(format: number): number | undefined {
  switch (format) {
    case sampleFormat.flow:
      return fixedLength.flow;
    case sampleFormat.counters:
      return fixedLength.counters;
    case sampleFormat.expandedFlow:
      return fixedLength.expandedFlow;
    case sampleFormat.expandedCounters:
      return fixedLength.expandedCounters;
    case sampleFormat.discard:
      return fixedLength.discard;
    default:
      return undefined;
  }
}

/** sequence, then source_id: type (8 bits) and index (24 bits) in one word, or each in its own in expanded forms. */
function readSampleHeader(bytes: Uint8Array, at: number, format: number, agent: string): SflowHeader {
  const sampleSequence = uint32At(bytes, at);
  const source = uint32At(bytes, at + 4);
  if (format === sampleFormat.flow || format === sampleFormat.counters) {
    return {
      agent,
      sampleType: format === sampleFormat.flow ? 'flow_sample' : 'counter_sample',
      sampleSequence,
      sourceIdType: source >>> 24,
      sourceIdIndex: source & 0xff_ffff,
    };
  }
  return {
    agent,
    sampleType:
      format === sampleFormat.expandedFlow
        ? 'expanded_flow_sample'
        : format === sampleFormat.expandedCounters
          ? 'expanded_counter_sample'
          : 'discarded_packet',
    sampleSequence,
    sourceIdType: source,
    sourceIdIndex: uint32At(bytes, at + 8),
  };
}

/** sampling_rate, sample_pool, drops, input, output; interfaces have a format in their upper 2 bits. */
function readFlowSample(bytes: Uint8Array, at: number, fields: SampleFields): void {
  const input = uint32At(bytes, at + 20);
  const output = uint32At(bytes, at + 24);
  fields.set(slot.samplingInterval, uint32At(bytes, at + 8));
  fields.set(slot['sflow.drops'], uint32At(bytes, at + 16));
  setInterfaces(input >>> 30, input & 0x3fff_ffff, output >>> 30, output & 0x3fff_ffff, fields);
}

/** The same, with source_id and interfaces in two words each. */
function readExpandedFlowSample(bytes: Uint8Array, at: number, fields: SampleFields): void {
  fields.set(slot.samplingInterval, uint32At(bytes, at + 12));
  fields.set(slot['sflow.drops'], uint32At(bytes, at + 20));
  setInterfaces(
    uint32At(bytes, at + 24),
    uint32At(bytes, at + 28),
    uint32At(bytes, at + 32),
    uint32At(bytes, at + 36),
    fields,
  );
}

/** drops, input, output, reason. Interfaces are indexes without a format. */
function readDiscardedPacket(bytes: Uint8Array, at: number, fields: SampleFields): void {
  fields.set(slot['sflow.drops'], uint32At(bytes, at + 12));
  setInterfaces(0, uint32At(bytes, at + 16), 0, uint32At(bytes, at + 20), fields);
  fields.set(slot['sflow.discardReason'], uint32At(bytes, at + 24));
}

/** Format 0: the value is an ifIndex. 1: discarded, the value says why. 2: the value is the number of interfaces. */
function setInterfaces(
  inputFormat: number,
  input: number,
  outputFormat: number,
  output: number,
  fields: SampleFields,
): void {
  fields.set(slot.ingressInterface, input);
  fields.set(slot.egressInterface, output);
  if (inputFormat !== 0) fields.set(slot['sflow.inputFormat'], inputFormat);
  if (outputFormat !== 0) fields.set(slot['sflow.outputFormat'], outputFormat);
  if (outputFormat === 1) fields.set(slot['sflow.discardReason'], output);
}
