// A layout's plan → functions that move a row into the flow document and write what has no place there.
// The code is made once per layout and holds only numbers and JSON-quoted names: layouts come from the network.
// Where code may not be made from strings, or to check it, the same plan is interpreted.

import type { Row } from '../model/record.ts';
import type { AddressCache } from './address-cache.ts';
import type { FlowDocument } from './flow-document.ts';
import { flat, quoted } from './json-text.ts';
import type { LayoutPlan, Move } from './layout-plan.ts';
import * as values from './row-values.ts';
import { oddText, type StoredColumn, storedText, unindexedName } from './stored-columns.ts';

export interface DocumentMaker {
  /** Sets the properties of a cleared flow document; its header and exporter are set already. */
  fill(row: Row, flow: FlowDocument): void;
  /** `,"name":value` for each value that is stored beside `flow`; call after `fill` of the same row. */
  rest(row: Row, flow: FlowDocument): string;
}

export function createDocumentMaker(plan: LayoutPlan, addresses: AddressCache): DocumentMaker {
  return compileMaker(plan, addresses) ?? interpretMaker(plan, addresses);
}

export function interpretMaker(plan: LayoutPlan, addresses: AddressCache): DocumentMaker {
  const state: values.RowState = { odd: false, unusedFamily: undefined };
  const always = plan.stored.filter(({ when }) => when === 'always');
  const indexed = always.filter(({ isIndexed }) => isIndexed);
  const unindexed = always.filter(({ isIndexed }) => !isIndexed);

  function fill(row: Row, flow: FlowDocument): void {
    state.odd = false;
    state.unusedFamily = undefined;
    if (plan.clientServer === undefined) values.readAddresses(row, flow, plan.addresses, addresses, state);
    else values.readClientServer(row, flow, plan.clientServer, addresses, state);
    for (const move of plan.moves) applyMove(move, row, flow, plan, state);
  }

  function rest(row: Row, flow: FlowDocument): string {
    const textOf = (columns: readonly StoredColumn[]): string =>
      columns.map((stored) => storedText(keyOf(stored), row[stored.column], stored, flow.header)).join('');
    const text = textOf(indexed) + unindexedText(textOf(unindexed));
    return state.odd
      ? text + oddText(row, plan.stored, values.unusedAddresses(plan.addresses, state), flow.header)
      : text;
  }

  return { fill, rest };
}

function keyOf({ name }: StoredColumn): string {
  return `,${quoted(name)}:`;
}

/** `members`: `,"name":value` of each column that the index does not learn. */
function unindexedText(members: string): string {
  return members === '' ? '' : `,"${unindexedName}":{${members.slice(1)}}`;
}

function applyMove(move: Move, row: Row, flow: FlowDocument, plan: LayoutPlan, state: values.RowState): void {
  switch (move.kind) {
    case 'number':
      flow[move.property] = values.readNumber(row, move.columns, state);
      break;
    case 'family': {
      const chosen = flow.ipVersion === 6 ? [move.column6, move.column4] : [move.column4, move.column6];
      const column = chosen.find((index) => index >= 0);
      flow[move.property] = column === undefined ? undefined : values.readNumber(row, [column], state);
      break;
    }
    case 'constant':
      flow[move.property] = move.value;
      break;
    case 'count':
      flow[move.property] = values.readCount(row, move.alternatives, plan.sameTraffic, state);
      break;
    case 'sampling':
      values.readSampling(row, flow, move.alternatives, state);
      break;
    case 'samplingHeader':
      if (flow.header.v5 !== undefined) {
        flow.samplingInterval = flow.header.v5.samplingInterval;
        flow.samplingSource = 'header';
      }
      break;
    case 'address':
      if (move.property === 'exporter') flow.exporter = values.readExporter(row, move.columns, flow.exporter, state);
      else flow[move.property] = values.readAddressText(row, move.columns, state);
      break;
    case 'time':
      flow[move.property] = values.readTimeMs(row, move.sources, flow.header);
      break;
    case 'text':
      flow[move.property] = values.readText(row, move.columns, plan.types, state);
      break;
  }
}

/** What generated code may call. */
const library = { ...values, applyMove, storedText, oddText, unindexedText };

type Factory = (
  library: object,
  plan: LayoutPlan,
  addresses: AddressCache,
  state: values.RowState,
  keys: readonly string[],
  zeros: readonly string[],
) => DocumentMaker;

/** Undefined where the process forbids code from strings (--disallow-code-generation-from-strings). */
export function compileMaker(plan: LayoutPlan, addresses: AddressCache): DocumentMaker | undefined {
  const keys = plan.stored.map(keyOf);
  let factory: Factory;
  try {
    factory = new Function('library', 'plan', 'addresses', 'state', 'keys', 'zeros', makerSource(plan)) as Factory;
  } catch (error) {
    if (error instanceof EvalError) return undefined;
    throw error;
  }
  return factory(
    library,
    plan,
    addresses,
    { odd: false, unusedFamily: undefined },
    keys,
    keys.map((key) => flat(`${key}0`)),
  );
}

function makerSource(plan: LayoutPlan): string {
  return `'use strict';
const { applyMove, readAddresses, readClientServer, storedText, oddText, unindexedText, unusedAddresses } = library;
const { moves, stored } = plan;
${plan.stored.map((_, index) => `const k${index} = keys[${index}], z${index} = zeros[${index}];`).join('\n')}
return {
  fill(row, flow) {
    let v, w;
    state.odd = false;
    state.unusedFamily = undefined;
    ${addressSource(plan)}
    ${plan.moves.map(moveSource).join('\n    ')}
  },
  rest(row, flow) {
    let text = '', v;
    ${storedSources(plan, true)}
    ${plan.stored.every(({ isIndexed }) => isIndexed) ? '' : `const indexed = text; text = ''; ${storedSources(plan, false)} text = indexed + unindexedText(text);`}
    return state.odd ? text + oddText(row, plan.stored, unusedAddresses(plan.addresses, state), flow.header) : text;
  },
};`;
}

function addressSource({ addresses: { src4, dst4, src6, dst6 }, clientServer }: LayoutPlan): string {
  if (clientServer !== undefined) return 'readClientServer(row, flow, plan.clientServer, addresses, state);';
  const general = 'readAddresses(row, flow, plan.addresses, addresses, state);';
  const one = (family: 4 | 6, type: string, src: number, dst: number) =>
    `if (typeof (v = row[${src}]) === '${type}' && typeof (w = row[${dst}]) === '${type}') {
      flow.ipVersion = ${family};
      flow.src = addresses.ipv${family}(v);
      flow.dst = addresses.ipv${family}(w);
    } else ${general}`;
  if (src4 >= 0 && dst4 >= 0 && src6 < 0 && dst6 < 0) return one(4, 'number', src4, dst4);
  if (src6 >= 0 && dst6 >= 0 && src4 < 0 && dst4 < 0) return one(6, 'string', src6, dst6);
  return general;
}

function moveSource(move: Move, index: number): string {
  const general = `applyMove(moves[${index}], row, flow, plan, state);`;
  const number = (property: string, column: number | undefined) =>
    `if (typeof (v = row[${column}]) === 'number') flow.${property} = v; else ${general}`;
  switch (move.kind) {
    case 'number':
      return number(move.property, move.columns[0]);
    case 'family': {
      const { property, column4, column6 } = move;
      return column4 >= 0 && column6 >= 0 ? general : number(property, Math.max(column4, column6));
    }
    case 'constant':
      return `flow.${move.property} = ${move.value};`;
    case 'count': {
      const [only, ...more] = move.alternatives;
      return more.length === 0 && only?.columns.length === 1 ? number(move.property, only.columns[0]) : general;
    }
    default:
      return general;
  }
}

function storedSources(plan: LayoutPlan, indexed: boolean): string {
  return plan.stored
    .map(({ isIndexed }, index) => (isIndexed === indexed ? storedSource(plan, index) : ''))
    .join('\n    ');
}

function storedSource(plan: LayoutPlan, index: number): string {
  const stored = plan.stored[index]!;
  if (stored.when === 'moved') return '';
  const general = `text += storedText(k${index}, row[${stored.column}], stored[${index}], flow.header);`;
  if (stored.form !== 'value' || stored.type !== 'number') return general;
  // Zero is the value most often stored here, and worth a text of its own.
  return `if (typeof (v = row[${stored.column}]) === 'number' && v < 9007199254740992 && v > 0) text += k${index} + v; else if (v === 0) text += z${index}; else ${general}`;
}
