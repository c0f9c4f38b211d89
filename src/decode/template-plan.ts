// What is made once from a template's content: the layout of its rows, the compiled reader, and what options-store needs to know.

import { hash } from 'node:crypto';
import type { Column, Layout, Protocol, RecordKind } from '../model/record.ts';
import { type Element, type InformationElements, toColumnType } from './information-elements.ts';
import { toPossibleJoins } from './joined-columns.ts';
import { type OptionsColumns, toOptionsColumns } from './options-columns.ts';
import { createRowReader, type ReaderField, type ReaderPlan, type RowReader, toShortestRecord } from './row-reader.ts';
import { isListEncoding } from './structured-data.ts';
import { type FieldSpecifier, type TemplateContent, toFieldSpecifiers } from './template-record.ts';

export interface RowForm {
  readonly layout: Layout;
  readonly read: RowReader;
}

export interface TemplatePlan extends RowForm {
  /** Fewer bytes than this are no record, but padding. */
  readonly shortestRecord: number;
  /** The form of rows with the columns that facts of these kinds can join (options-store.ts); made when it is first needed. */
  joined(factKinds: number): RowForm;
  /** Options templates that teach something. */
  readonly teaches: OptionsColumns | undefined;
  readonly hasLists: boolean;
}

/** Exporters of one model teach the same tables; what all others may add up to is this many forms of a plan. */
const maxForms = 6;

/** RFC 3954 §6.1: a number space of its own. */
export const netflow9Scopes: Readonly<Record<number, string>> = {
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

  (toFieldSpecifiers(content) ?? []).forEach((specifier, index) => {
    const { id, length } = specifier;
    // No column shows it, and a record of a thousand such fields would be much work for few bytes.
    if (length === 0) return;
    const isScope = index < scopeCount;
    const scopeName = isScope && protocol === 'netflow9' ? (netflow9Scopes[id] ?? `${id}`) : undefined;
    const element: Element | undefined =
      scopeName !== undefined
        ? { name: `scope:${scopeName}`, encoding: 'unsigned' }
        : toElement(content, specifier, index, elements);
    const field = fields.length;
    fields.push({ encoding: element?.encoding ?? 'bytes', length });
    if (element === undefined) return;
    const known = columnOf.get(element.name);
    if (known !== undefined) {
      shown[known]!.push(field);
      return;
    }
    columnOf.set(element.name, columns.length);
    if (scopeName !== undefined) scope[scopeName] = columns.length;
    if (isScope) scopeColumns.push(element.name);
    columns.push({ name: element.name, type: toColumnType(element.encoding) });
    shown.push([field]);
  });

  const isNetflow9Options = protocol === 'netflow9' && kind === 'options';
  const layout = toLayout(protocol, kind, columns, isNetflow9Options ? scope : undefined);
  const plan: ReaderPlan = { fields, columns: shown };
  const base: RowForm = { layout, read: createRowReader(plan) };
  const possibleJoins = kind === 'flow' ? toPossibleJoins(columnOf) : [];
  const joinable = possibleJoins.reduce((kinds, join) => kinds | join.factKinds, 0);
  const forms = new Map<number, RowForm>();

  function toForm(factKinds: number): RowForm {
    const joins = possibleJoins.filter((join) => (join.factKinds & factKinds) !== 0);
    return {
      layout: toLayout(protocol, kind, [...columns, ...joins.map(({ column }) => column)]),
      read: createRowReader({ ...plan, joins: joins.map(({ join }) => join) }),
    };
  }

  return {
    ...base,
    shortestRecord: toShortestRecord(fields),
    joined(factKinds) {
      const kinds = factKinds & joinable;
      if (kinds === 0) return base;
      let form = forms.get(kinds);
      if (form === undefined) {
        const [oldest] = forms.keys();
        if (forms.size >= maxForms && oldest !== undefined) forms.delete(oldest);
        form = toForm(kinds);
        forms.set(kinds, form);
      }
      return form;
    },
    teaches: kind === 'options' ? toOptionsColumns(columnOf, scopeColumns) : undefined,
    hasLists: fields.some(({ encoding }) => isListEncoding(encoding)),
  };
}

/** The registries' element, or what the exporter taught of one that they don't know (RFC 5610). */
export function toElement(
  { protocol, taught = [] }: TemplateContent,
  { enterprise, id }: FieldSpecifier,
  index: number,
  elements: InformationElements,
): Element | undefined {
  if (protocol === 'netflow9') return elements.netflow9(id);
  const element = elements.ipfix(enterprise, id);
  if (element?.name !== `${enterprise}/${id}` || element.encoding !== 'bytes') return element;
  const [, name, encoding] = taught.find(([field]) => field === index) ?? [];
  return name === undefined || encoding === undefined ? element : { name, encoding };
}

/** The id is a hash wide enough that nobody can make two layouts of one id: batches name layouts by it. */
export function toLayout(
  protocol: Protocol,
  kind: RecordKind,
  columns: readonly Column[],
  scope?: Readonly<Record<string, number>>,
): Layout {
  const digest = hash('sha256', JSON.stringify([columns.map(({ name, type }) => [name, type]), scope]), 'base64url');
  const id = `${protocol}-${kind}-${digest.slice(0, 22)}`;
  return { id, protocol, kind, columns, ...(scope === undefined ? {} : { scope }) };
}
