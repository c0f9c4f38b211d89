// What is made once from a template's content: the layout of its rows, the compiled reader, and what options-store needs to know.

import { createHash } from 'node:crypto';
import { type Column, joinedSamplingInterval, type Layout, type Protocol, type RecordKind } from '../model/record.ts';
import { type Element, type InformationElements, toColumnType } from './information-elements.ts';
import { type OptionsColumns, toOptionsColumns } from './options-store.ts';
import {
  createRowReader,
  type JoinKeys,
  type ReaderField,
  type ReaderPlan,
  type RowReader,
  toShortestRecord,
} from './row-reader.ts';
import { type TemplateContent, toFieldSpecifiers } from './template-record.ts';

export interface TemplatePlan {
  readonly layout: Layout;
  readonly read: RowReader;
  /** Fewer bytes than this are no record, but padding. */
  readonly shortestRecord: number;
  /** By which columns a row finds its sampling interval. */
  readonly joinKeys: JoinKeys;
  /** The same with the column `weir.samplingInterval`; made when it is first needed. */
  joined(): { readonly layout: Layout; readonly read: RowReader };
  /** Options templates that teach something. */
  readonly teaches: OptionsColumns | undefined;
}

/** RFC 3954 §6.1: a number space of its own. */
const netflow9Scopes: Readonly<Record<number, string>> = {
  1: 'system',
  2: 'interface',
  3: 'lineCard',
  4: 'cache',
  5: 'template',
};

/** `content` has passed `findProblem`. */
export function toTemplatePlan(content: TemplateContent, elements: InformationElements): TemplatePlan {
  const { protocol, kind, scopeCount } = content;
  const fields: ReaderField[] = [];
  const columns: Column[] = [];
  const shown: number[][] = [];
  const scope: Record<string, number> = {};
  const scopeColumns: string[] = [];
  const columnOf = new Map<string, number>();

  (toFieldSpecifiers(content) ?? []).forEach(({ enterprise, id, length }, index) => {
    const isScope = index < scopeCount;
    const scopeName = isScope && protocol === 'netflow9' ? (netflow9Scopes[id] ?? `${id}`) : undefined;
    const element: Element | undefined =
      scopeName !== undefined
        ? { name: `scope:${scopeName}`, encoding: 'unsigned' }
        : protocol === 'netflow9'
          ? elements.netflow9(id)
          : elements.ipfix(enterprise, id);
    fields.push({ encoding: element?.encoding ?? 'bytes', length });
    if (element === undefined || length === 0) return;
    const known = columnOf.get(element.name);
    if (known !== undefined) {
      shown[known]!.push(index);
      return;
    }
    columnOf.set(element.name, columns.length);
    if (scopeName !== undefined) scope[scopeName] = columns.length;
    if (isScope) scopeColumns.push(element.name);
    columns.push({ name: element.name, type: toColumnType(element.encoding) });
    shown.push([index]);
  });

  const isNetflow9Options = protocol === 'netflow9' && kind === 'options';
  const layout = toLayout(protocol, kind, columns, isNetflow9Options ? scope : undefined);
  const plan: ReaderPlan = { fields, columns: shown };
  const joinKeys: JoinKeys = {
    selector: columnOf.get('samplerId') ?? columnOf.get('selectorId'),
    ingressInterface: columnOf.get('ingressInterface'),
  };
  let joined: { readonly layout: Layout; readonly read: RowReader } | undefined;
  return {
    layout,
    read: createRowReader(plan),
    shortestRecord: toShortestRecord(fields),
    joinKeys,
    joined() {
      joined ??= {
        layout: toLayout(protocol, kind, [...columns, { name: joinedSamplingInterval, type: 'number' }]),
        read: createRowReader({ ...plan, join: joinKeys }),
      };
      return joined;
    },
    teaches: kind === 'options' ? toOptionsColumns(columnOf, scopeColumns) : undefined,
  };
}

/** The id is a hash wide enough that nobody can make two layouts of one id: batches name layouts by it. */
export function toLayout(
  protocol: Protocol,
  kind: RecordKind,
  columns: readonly Column[],
  scope?: Readonly<Record<string, number>>,
): Layout {
  const hash = createHash('sha256').update(JSON.stringify([columns.map(({ name, type }) => [name, type]), scope]));
  const id = `${protocol}-${kind}-${hash.digest('base64url').slice(0, 22)}`;
  return { id, protocol, kind, columns, ...(scope === undefined ? {} : { scope }) };
}
