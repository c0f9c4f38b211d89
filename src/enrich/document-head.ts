// What all documents of one set have in common, written once: time, exporter, and the fields of the datagram's header.

import type { Layout, RecordHeader } from '../model/record.ts';
import { objectOf } from './field-map.ts';
import { flat, isStorableTime, quoted, quotedAgain, timeText } from './json-text.ts';

export interface DocumentHead {
  readonly timestampMs: number;
  /** `node.ipaddr`, unless a record names another. */
  readonly exporter: string;
  /** `{"@timestamp":…,"event":{…},"node":{…},"netflow":{"version":9,…`, to be continued. */
  readonly text: string;
  /** The pieces of `text`, for a record that names another exporter. */
  readonly event: string;
  readonly object: string;
}

const timeKey = '{"@timestamp":';

/** ElastiFlow's version: its dashboards and users' queries select on it. */
const version = '3.5.1';

/** RFC sFlow v5 §5.3: what the index of a data source counts. */
const sourceTypes = ['IF-MIB::ifEntry', 'SMON-MIB::smonVlanDataSource', 'ENTITY-MIB::entPhysicalEntry'];

export function toDocumentHead(layout: Layout, header: RecordHeader, rowCount: number): DocumentHead {
  const timestampMs = storableTime(header);
  const exporter = header.sflow?.agent ?? header.exporter;
  const object = objectOf(layout.protocol);
  const event = `${timeKey}${timeText(timestampMs)},"@version":"${version}","event":{"host":${quotedAgain(header.exporter)},"type":"${object}"},`;
  const start = `"${object}":{${headerText(layout.protocol, header)}`;
  const text = event + nodeText(exporter, exporter) + start;
  // One piece is copied faster, but takes longer to make: worth it for several documents.
  return { timestampMs, exporter, text: rowCount > 2 ? flat(text) : text, event, object: start };
}

/** The start of a document, with the exporter that the record names, and its name where one is known. */
export function headTextOf(
  { text, exporter: usual, event, object }: DocumentHead,
  exporter: string,
  hostname: string | undefined,
): string {
  return exporter === usual && hostname === undefined
    ? text
    : event + nodeText(exporter, hostname ?? exporter) + object;
}

/** The same start with another time; its text is as long as the one that is there. */
export function withTime(headText: string, timestampMs: number): string {
  const time = timeText(timestampMs) ?? '';
  return `${timeKey}${time}${headText.slice(timeKey.length + time.length)}`;
}

function nodeText(exporter: string, hostname: string): string {
  return `"node":{"ipaddr":${quotedAgain(exporter)},"hostname":${quotedAgain(hostname)}},`;
}

/** A clock that is out of all reason is replaced by the time of reception: the index is named by it. */
function storableTime({ exportedAtMs, receivedAtMs }: RecordHeader): number {
  const ms = [exportedAtMs, receivedAtMs].find(isStorableTime);
  return Math.floor(ms ?? 0);
}

function headerText(protocol: Layout['protocol'], { domain, setId, sequence, v5, sflow }: RecordHeader): string {
  switch (protocol) {
    case 'netflow5': {
      const more =
        v5 === undefined
          ? ''
          : `,"engine_type":${v5.engineType},"engine_id":${v5.engineId},"sampling_algorithm":${v5.samplingMode},"flow_records":${v5.count}`;
      return `"version":5,"flow_seq_num":${sequence}${more}`;
    }
    case 'netflow9':
      return `"version":9,"flow_seq_num":${sequence}${setId === null ? '' : `,"flowset_id":${setId}`}`;
    case 'ipfix':
      return `"version":10${setId === null ? '' : `,"flowset_id":${setId}`}`;
    case 'sflow5': {
      if (sflow === undefined) return `"sflow_type":"flow_sample"`;
      const type = sourceTypes[sflow.sourceIdType];
      return `"sflow_type":"${sflow.sampleType}","sub_agent_id":${domain},"source_id_type":${type === undefined ? quoted(String(sflow.sourceIdType)) : `"${type}"`},"source_id_index":${sflow.sourceIdIndex}`;
    }
  }
}
