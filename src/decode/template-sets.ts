// What NetFlow v9 and IPFIX have in common below their headers: template sets fill the store, data sets become rows or are parked.

import type { Fault } from '../model/fault.ts';
import type { RecordHeader, RecordSet, Row } from '../model/record.ts';
import type { Cursor } from './cursor.ts';
import type { InformationElements } from './information-elements.ts';
import type { ParkedSets } from './parked-sets.ts';
import type { RecordCount } from './sequence-headers.ts';
import type { SharedPlans } from './shared-plans.ts';
import type { ListScope } from './structured-data.ts';
import { readTemplateRecord, type TemplateKind, type TemplateProtocol } from './template-record.ts';
import type { Domain, Template, TemplateStore } from './template-store.ts';

export interface TemplateContext {
  readonly templates: TemplateStore;
  readonly plans: SharedPlans;
  readonly elements: InformationElements;
  readonly parked: ParkedSets;
  readonly maxFieldsPerTemplate: number;
  /** Of a connection, in which messages come in order and from one sender. */
  readonly heedsWithdrawals: boolean;
  /** Of the datagram in hand; parked sets belong to an earlier one. */
  readonly counted: RecordCount;
  readonly onFault: (fault: Fault) => void;
  /** For who wants to see where the fields of these records stand (explain.ts). */
  readonly onRecords?: (records: RecordsAt) => void;
}

export interface RecordsAt {
  readonly template: Template;
  readonly header: RecordHeader;
  readonly bytes: Buffer;
  readonly start: number;
  /** Behind the last whole record. */
  readonly end: number;
  readonly lists: ListScope | undefined;
}

/** A set's header, and where it came from: all of RecordHeader but the set id. */
export type DatagramHeader = Omit<RecordHeader, 'setId'>;

const setIds = {
  netflow9: { flow: 0, options: 1 },
  ipfix: { flow: 2, options: 3 },
} as const;
const firstDataSetId = 256;

/** `cursor` stands behind the header and ends with the message. RFC 3954 §5.2-5.4, RFC 7011 §3.3. */
export function decodeSets(
  context: TemplateContext,
  protocol: TemplateProtocol,
  header: DatagramHeader,
  cursor: Cursor,
): RecordSet[] {
  const { onFault } = context;
  const { exporter } = header;
  const sets: RecordSet[] = [];
  while (cursor.remaining >= 4) {
    const at = cursor.offset;
    const id = cursor.readUint16();
    const length = cursor.readUint16();
    if (length < 4) {
      // Some fill up the datagram with zeros.
      if (id !== 0 || length !== 0) {
        onFault({ code: 'set-malformed', exporter, detail: `set ${id} at byte ${at} has length ${length}` });
        context.counted.isWhole = false;
      }
      break;
    }
    if (length - 4 > cursor.remaining) {
      onFault({ code: 'datagram-truncated', exporter, detail: `set ${id} at byte ${at} goes on behind the end` });
      context.counted.isWhole = false;
    }
    // Lengths that are no multiple of 4 are taken as they are: the next set starts right there.
    const body = cursor.readPart(length - 4);
    if (id >= firstDataSetId) decodeDataSet(context, protocol, id, header, body, sets);
    else if (id === setIds[protocol].flow) decodeTemplateSet(context, protocol, 'flow', header, body, sets);
    else if (id === setIds[protocol].options) decodeTemplateSet(context, protocol, 'options', header, body, sets);
    else onFault({ code: 'set-malformed', exporter, detail: `set id ${id} at byte ${at} is reserved` });
  }
  return sets;
}

/** `cursor` runs over the set's body. Sets that waited for one of the templates are decoded at once. */
function decodeTemplateSet(
  context: TemplateContext,
  protocol: TemplateProtocol,
  kind: TemplateKind,
  header: DatagramHeader,
  cursor: Cursor,
  sets: RecordSet[],
): void {
  const { templates, onFault, maxFieldsPerTemplate } = context;
  const { exporter, domain } = header;
  while (cursor.remaining > 0) {
    const record = readTemplateRecord(cursor, protocol, kind, maxFieldsPerTemplate);
    if (record.type === 'refused') {
      onFault({ code: 'template-malformed', exporter, detail: `${record.reason} (domain ${domain})` });
    } else if (record.type === 'withdrawal') {
      // Over UDP a withdrawal must be ignored (RFC 7011 §8.4): it might come late, or from anybody.
      if (!context.heedsWithdrawals) continue;
      // RFC 7011 §8.1: the id of the set's own kind means all templates of this kind.
      const id = record.id === setIds[protocol][kind] ? 'all' : record.id;
      templates.withdraw(exporter, protocol, domain, kind, id);
    } else if (record.type === 'definition') {
      templates.define(exporter, domain, record.id, record.content);
      if (context.parked.size > 0) decodeParked(context, protocol, exporter, domain, record.id, sets);
    }
  }
}

/** What waited for this template. */
export function decodeParked(
  context: TemplateContext,
  protocol: TemplateProtocol,
  exporter: string,
  domain: number,
  id: number,
  sets: RecordSet[],
): void {
  for (const { header, bytes } of context.parked.take(toParkedKey(exporter, protocol, domain, id))) {
    const template = context.templates.use(exporter, protocol, domain, id);
    if (template !== undefined) decodeRows(context, template, header, bytes, 0, bytes.length, sets);
  }
}

function decodeDataSet(
  context: TemplateContext,
  protocol: TemplateProtocol,
  id: number,
  datagram: DatagramHeader,
  cursor: Cursor,
  sets: RecordSet[],
): void {
  const { exporter, domain } = datagram;
  const header: RecordHeader = { ...datagram, setId: id };
  const template = context.templates.use(exporter, protocol, domain, id);
  if (template !== undefined) {
    const records = decodeRows(context, template, header, cursor.bytes, cursor.offset, cursor.end, sets);
    countRecords(context.counted, records, template.shared.content.kind);
    return;
  }
  if (cursor.remaining === 0) return;
  context.counted.isWhole = false;
  context.onFault({ code: 'template-missing', exporter, detail: `set ${id} of domain ${domain}` });
  const body = cursor.bytes.subarray(cursor.offset, cursor.end);
  context.parked.park(toParkedKey(exporter, protocol, domain, id), header, body);
}

/** Returns the number of records, or -1 where the set has more that could not be read. */
function decodeRows(
  context: TemplateContext,
  template: Template,
  header: RecordHeader,
  bytes: Buffer,
  start: number,
  end: number,
  sets: RecordSet[],
): number {
  const { domain, shared } = template;
  const { facts } = domain;
  const plan = context.plans.planOf(shared);
  if (facts !== undefined) facts.templateWide = facts.templates.get(template.id);
  const { layout, read } = facts === undefined ? plan : plan.joined(facts.kinds);
  const rows: Row[] = [];
  const lists = plan.hasLists ? toListScope(context, domain) : undefined;
  const stopped = read(bytes, start, end, rows, { facts, lists });
  // What is left behind the last record is padding, unless a record would fit.
  const isCut = end - stopped >= plan.shortestRecord || (rows.length === 0 && end > start);
  if (isCut) {
    const detail = `record ${rows.length} of set ${header.setId} of domain ${header.domain} ends early`;
    context.onFault({ code: 'record-malformed', exporter: header.exporter, detail });
  }
  if (rows.length === 0) return isCut ? -1 : 0;
  context.onRecords?.({ template, header, bytes, start, end: stopped, lists });
  if (plan.teaches !== undefined) context.templates.learn(domain, plan.teaches, rows);
  sets.push({ layout, header: withSysUptime(header, facts?.systemInitMs), rows });
  return isCut ? -1 : rows.length;
}

function countRecords(counted: RecordCount, records: number, kind: TemplateKind): void {
  if (records < 0) counted.isWhole = false;
  else counted.records += records;
  if (records > 0 && kind === 'options') counted.optionsRecords += records;
}

function toListScope({ plans, elements }: TemplateContext, { exporter, templates }: Domain): ListScope {
  return {
    elementOf(enterprise, id) {
      const element = elements.ipfix(enterprise, id);
      const isUnknown = element?.name === `${enterprise}/${id}` && element.encoding === 'bytes';
      return (isUnknown ? exporter.taught.get(element.name) : undefined) ?? element;
    },
    planOf(id) {
      const template = templates.get(id);
      return template === undefined ? undefined : plans.planOf(template.shared);
    },
    depth: 0,
    room: 0,
  };
}

/** IPFIX headers have no uptime, but flowStartSysUpTime counts by it: options records may tell when it began. */
function withSysUptime(header: RecordHeader, systemInitMs: number | undefined): RecordHeader {
  if (systemInitMs === undefined || header.sysUptimeMs !== undefined) return header;
  // Uptimes are 32-bit numbers that wrap after 49.7 days.
  return { ...header, sysUptimeMs: (header.exportedAtMs - systemInitMs) >>> 0 };
}

function toParkedKey(exporter: string, protocol: TemplateProtocol, domain: number, id: number): string {
  return `${exporter} ${protocol} ${domain} ${id}`;
}
