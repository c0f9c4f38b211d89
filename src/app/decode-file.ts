// `weir decode FILE`: a capture file, a folder of them, or a stream → one JSON object per decoded record, in order, or an
// explanation of each; faults one line each beside it.

import { readCaptureFile, readCaptureStream } from '../collect/capture-file.ts';
import { createDecoder } from '../decode/decoder.ts';
import { isList, toReadableValue } from '../decode/field-value.ts';
import { WeirError } from '../model/errors.ts';
import type { Column, FieldValue, Layout, RecordSet, Row } from '../model/record.ts';
import { listCaptures } from './capture-folder.ts';
import { toExplanation } from './explain.ts';
import type { LineOutput } from './line-output.ts';
import type { Progress } from './progress.ts';

export interface DecodeFileOptions {
  /** Takes lines of records, newlines included. */
  readonly write: LineOutput['write'];
  /** Takes lines about faults and about the file itself, newlines included. */
  readonly writeFault: LineOutput['write'];
  /** Where each field stands, in place of JSON. */
  readonly explain?: boolean;
  /** What the path `-` stands for. */
  readonly input?: AsyncIterable<Uint8Array>;
  readonly progress?: Progress;
}

/** RFC 6313 §4.5. */
const unfoldedLists: ReadonlySet<string> = new Set(['basicList', 'subTemplateList', 'subTemplateMultiList']);

/** Few writes, and little to hold back when the reader goes away. */
const flushChars = 64 * 1024;

/**
 * Throws WeirError when the file is missing or no capture; whatever its datagrams hold is no error. In a folder, what is no capture is
 * left out with a line; templates of one file serve those behind it, as in the captures that `tcpdump -C` makes.
 */
export async function decodeFile(path: string, options: DecodeFileOptions): Promise<void> {
  const { write, writeFault, explain = false, input, progress } = options;
  let lines = '';
  let faults = '';
  const decoder = createDecoder({
    onFault: ({ exporter, code, detail }) => {
      faults += `${exporter}: ${code}: ${toOneLine(detail)}\n`;
    },
    ...(explain && {
      onExplained: (set) => {
        lines += toExplanation(set);
      },
    }),
  });
  const onWarning = (text: string): void => {
    faults += `${toOneLine(text)}\n`;
  };
  const toLines = createLineMaker();

  /** Records first, so that a terminal shows a fault after what came before it. False: nobody reads the records. */
  async function flush(): Promise<boolean> {
    const records = lines;
    const said = faults;
    progress?.clear();
    lines = '';
    faults = '';
    if (records !== '' && !(await write(records))) return false;
    if (said !== '') await writeFault(said);
    return true;
  }

  /** False: nobody reads any longer. */
  async function decodeOne(name: string): Promise<boolean> {
    const about = { onWarning, ...(progress && { onProgress: progress.show.bind(progress, name) }) };
    const isStream = path === '-' && input !== undefined;
    const datagrams = isStream ? readCaptureStream('standard input', input, about) : readCaptureFile(name, about);
    for await (const datagram of datagrams) {
      for (const set of decoder.decode(datagram)) {
        // sFlow's structures are explained as wholes: what was read from them stands below.
        if (!explain) lines += toLines(set);
        else if (set.layout.protocol === 'sflow5') lines += `  ${toLines(set)}`;
      }
      if ((lines.length >= flushChars || faults !== '') && !(await flush())) return false;
    }
    return true;
  }

  const names = path === '-' ? [path] : await listCaptures(path);
  let readable = 0;
  for (const name of names) {
    try {
      if (!(await decodeOne(name))) return;
      readable++;
    } catch (error) {
      // In a folder there may be anything beside captures.
      if (name === path || !(error instanceof WeirError)) throw error;
      faults += `${toOneLine(error.message)}: left out\n`;
    }
  }
  await flush();
  if (readable === 0) throw new WeirError('file-invalid', `there is no capture in the folder ${path}`);
}

/** `"name":` of each column, and where it goes. */
interface LinePlan {
  readonly keys: readonly string[];
  readonly fields: readonly number[];
  readonly scope: readonly number[];
}

function createLineMaker(): (set: RecordSet) => string {
  const plans = new WeakMap<Layout, LinePlan>();

  return ({ layout, header, rows }) => {
    let plan = plans.get(layout);
    if (plan === undefined) {
      plan = toLinePlan(layout);
      plans.set(layout, plan);
    }
    const { protocol, kind } = layout;
    const { exporter, domain, setId } = header;
    const start = JSON.stringify({ protocol, exporter, domain, set: setId, kind }).slice(0, -1);
    let lines = '';
    for (const row of rows) {
      lines += `${start},"fields":${toObjectText(row, plan.fields, plan.keys, layout)}`;
      if (layout.scope !== undefined) lines += `,"scope":${toObjectText(row, plan.scope, plan.keys, layout)}`;
      lines += '}\n';
    }
    return lines;
  };
}

function toLinePlan({ columns, scope = {} }: Layout): LinePlan {
  const keys = columns.map(({ name }) => `${JSON.stringify(name)}:`);
  for (const [name, at] of Object.entries(scope)) keys[at] = `${JSON.stringify(name)}:`;
  const scopeColumns = Object.values(scope);
  const fields = [...columns.keys()].filter((at) => !scopeColumns.includes(at));
  return { keys, fields, scope: scopeColumns };
}

/** Absent values are left out. */
function toObjectText(row: Row, at: readonly number[], keys: readonly string[], { columns }: Layout): string {
  let text = '';
  for (const i of at) {
    const value = row[i];
    if (value === null || value === undefined) continue;
    const json = JSON.stringify(toPrinted(value, columns[i]!));
    text += `${text === '' ? '' : ','}${keys[i]}${json}`;
  }
  return `{${text}}`;
}

/**
 * Where the element is a list and nothing but a list, and with vendors' elements, the list is unfolded beside its bytes; elements with a
 * meaning of their own (bgpSourceCommunityList, srhSegmentIPv6BasicList …) are the bytes alone, like other octets. `--explain` unfolds all.
 */
function toPrinted(value: FieldValue, column: Column): unknown {
  if (column.type !== 'list' || unfoldedLists.has(column.name) || column.name.includes('/')) {
    return toReadableValue(value, column.type);
  }
  return Array.isArray(value) ? value.map(toHexOfList) : toHexOfList(value);
}

function toHexOfList(value: FieldValue): unknown {
  return typeof value === 'object' && value !== null && 'hex' in value && isList(value)
    ? value.hex
    : toReadableValue(value, 'list');
}

/** File names may hold anything. */
function toOneLine(text: string): string {
  return text.replace(/[\r\n]+/g, ' ');
}
