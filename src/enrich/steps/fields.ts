// Step `fields`: fields are copied, renamed, set from simple texts, and removed. The user's own go below `labels`.

import { z } from 'zod';
import { WeirError } from '../../model/errors.ts';
import { conditionOption } from '../condition.ts';
import { createFaultNote } from '../fault-note.ts';
import { createTemplate, cutText, readTemplate, valueText } from '../field-template.ts';
import type { FlowDocument } from '../flow-document.ts';
import { keyMistake } from '../setting-types.ts';
import { readsOf, type StepContext, type StepDefinition, writeOf } from '../step.ts';
import {
  type FieldTarget,
  fieldRemoval,
  fieldTarget,
  type StoredField,
  storedField,
  targetNoun,
  targetValue,
} from '../stored-field.ts';

/** Fields that one step names. Each label is a field of the index, and an index has room for 2,000. */
const maxEntries = 64;

/** A label is a word or a line to select by; the index finds values up to 256 characters. */
const maxTextLength = 1024;

const tooMany = { error: `expected at most ${maxEntries} fields in one step` };

const settings = z
  .record(z.string(), z.union([z.string(), z.number()], { error: 'expected a text or a number' }), {
    error: 'expected a mapping from field to its text, such as "labels.site: Boston"',
  })
  .refine((entries) => Object.keys(entries).length <= maxEntries, tooMany)
  .superRefine((entries, context) => {
    for (const [path, value] of Object.entries(entries)) {
      const target = fieldTarget(path);
      if (typeof target === 'string') keyMistake(context, entries, [path], target);
      else {
        const mistake = valueMistake(target, value);
        if (mistake === undefined) continue;
        const { message, offset } = mistake;
        const params = offset === undefined ? {} : { params: { offset } };
        context.addIssue({ code: 'custom', path: [path], message, input: value, ...params });
      }
    }
  });

const moves = z
  .record(z.string(), z.string({ error: 'expected the name of a field' }), {
    error: 'expected a mapping from a field to another, such as "flow.application: labels.app"',
  })
  .refine((entries) => Object.keys(entries).length <= maxEntries, tooMany)
  .superRefine((entries, context) => {
    for (const [from, to] of Object.entries(entries)) {
      const field = storedField(from);
      const target = fieldTarget(to);
      if (typeof field === 'string') keyMistake(context, entries, [from], field);
      else if (typeof target === 'string') context.addIssue({ code: 'custom', path: [from], message: target });
      else if (from === to) context.addIssue({ code: 'custom', path: [from], message: 'expected another field' });
      else if (!fits(field, target)) {
        const message = `${from} is of type ${field.type}, and ${to} holds ${targetNoun(target)}`;
        context.addIssue({ code: 'custom', path: [from], message });
      }
    }
  });

const renames = moves.superRefine((entries, context) => {
  for (const from of Object.keys(entries)) {
    const removal = fieldRemoval(from);
    if (typeof removal === 'string') keyMistake(context, entries, [from], removal);
  }
});

const removals = z
  .array(
    z.string({ error: 'expected the name of a field' }).superRefine((path, context) => {
      const removal = fieldRemoval(path);
      if (typeof removal === 'string') context.addIssue({ code: 'custom', message: removal });
    }),
    { error: 'expected a list of fields' },
  )
  .max(maxEntries, tooMany);

const options = z
  .strictObject({
    when: conditionOption
      .optional()
      .describe('A condition (docs/conditions.md): flows for which it does not hold stay as they are.'),
    copy: moves.optional().describe('First: field → field that gets its value, too; nothing where it is absent.'),
    rename: renames.optional().describe('Then: field → its new name; nothing where it is absent.'),
    set: settings
      .optional()
      .describe(
        `Then: field → number, or text with fields in it: \`"\${flow.src_addr}:\${flow.dst_port}"\`; \`\${flow.vlan:none}\` where the field may be absent. Without such a text nothing is set where a field is absent.`,
      ),
    remove: removals
      .optional()
      .describe('Last: fields that are not stored; also what is the record’s own, such as `netflow.flow_seq_num`.'),
  })
  .refine(({ copy, rename, set, remove }) => [copy, rename, set, remove].some((part) => part !== undefined), {
    error: 'expected copy, rename, set or remove',
  });

export type FieldsOptions = z.infer<typeof options>;

export const fieldsStep: StepDefinition<FieldsOptions> = {
  name: 'fields',
  summary: 'Copies, renames, sets and removes fields; fields of your own go below `labels`.',
  options,
  uses: ({ when, copy = {}, rename = {}, set = {} }) => [
    ...readsOf(when?.fields),
    ...[...Object.entries(copy), ...Object.entries(rename)].flatMap(([from, to]) => [...readsOf([from]), writeOf(to)]),
    ...Object.entries(set).flatMap(([path, value]) => [...readsOf(templateFields(value)), writeOf(path)]),
  ],
  reads: [],
  writes: [],
  cost: { microseconds: 0.7, remark: 'For one label.' },
  examples: [
    {
      title: 'a text made of fields',
      options: { set: { 'labels.endpoint': `\${flow.src_addr}:\${flow.src_port}`, 'labels.site': 'Boston' } },
      record: { sourceIPv4Address: '10.0.0.1', sourceTransportPort: 43_173 },
      expect: { labels: { endpoint: '10.0.0.1:43173', site: 'Boston' } },
    },
    {
      title: 'a text for fields that may be absent',
      options: {
        set: { 'labels.vlan': `VLAN \${flow.vlan:none}`, 'labels.endpoint': `\${flow.src_addr}:\${flow.src_port}` },
      },
      record: { sourceIPv4Address: '10.0.0.1' },
      expect: { 'labels.vlan': 'VLAN none', 'labels.endpoint': null },
    },
    {
      title: 'a field of a flow gets another value',
      options: { when: 'flow.dst_port = 8443', set: { 'flow.application': 'my-admin', 'flow.vlan': 10 } },
      record: { destinationTransportPort: 8443, vlanId: 1 },
      expect: { 'flow.application': 'my-admin', 'flow.vlan': 10 },
    },
    {
      title: 'a field is renamed, others are removed',
      options: {
        rename: { 'flow.application': 'labels.app' },
        remove: ['flow.tos', 'ipfix.version', 'flow.direction'],
      },
      record: { applicationName: 'ssl', ipClassOfService: 184, flowDirection: 1, protocolIdentifier: 6 },
      expect: {
        'labels.app': 'ssl',
        'flow.application': null,
        'flow.tos': null,
        'ipfix.version': null,
        'flow.direction': null,
        'flow.ip_protocol': 'TCP',
      },
    },
  ],
  create({ when, copy = {}, rename = {}, set = {}, remove = [] }, context) {
    const note = createNotes(context);
    const edits: Edit[] = [
      ...Object.entries(copy).map(([from, to]) => createCopy(readable(from), writable(to), note)),
      ...Object.entries(rename).flatMap(([from, to]) => [
        createCopy(readable(from), writable(to), note),
        removable(from),
      ]),
      ...Object.entries(set).map(([path, value]) => createSetting(writable(path), value, note)),
      ...remove.map(removable),
    ];

    function apply(flow: FlowDocument): undefined {
      if (when?.holds(flow) === false) return;
      for (let i = 0; i < edits.length; i++) edits[i]!(flow);
    }

    return { apply };
  },
};

function templateFields(value: string | number): readonly string[] {
  const read = readTemplate(String(value));
  // What may be absent is asked for with a text in its place.
  return 'message' in read
    ? []
    : read.pieces.flatMap(({ field, otherwise }) => (otherwise === undefined ? field.path : []));
}

type Edit = (flow: FlowDocument) => void;
/** Of faults of a field, by its path. */
interface Notes {
  cut(path: string): () => void;
  tooLarge(path: string): () => void;
}

/** Any value has a text, but a place. */
function fits(field: StoredField, target: FieldTarget): boolean {
  return field.type === target.type || (target.type === 'text' && field.type !== 'place');
}

function valueMistake(
  target: FieldTarget,
  value: string | number,
): { readonly message: string; readonly offset?: number } | undefined {
  const noun = `${target.path} holds ${targetNoun(target)}`;
  if (typeof value === 'number') return targetValue(target, value) === undefined ? { message: noun } : undefined;
  const read = readTemplate(value);
  if ('message' in read) return read;
  const { pieces, rest } = read;
  if (pieces.length === 0) {
    if (value.length > maxTextLength) return { message: `expected a text of at most ${maxTextLength} characters` };
    return targetValue(target, value) === undefined ? { message: noun } : undefined;
  }
  if (target.type === 'text') return undefined;
  const [first] = pieces;
  const isOne = pieces.length === 1 && first?.text === '' && rest === '' && first.otherwise === undefined;
  return isOne && first.field.type === target.type
    ? undefined
    : { message: `${noun}: a field of that type alone, or a value` };
}

function createSetting(target: FieldTarget, value: string | number, note: Notes): Edit {
  if (typeof value === 'number' || !value.includes('${')) {
    const constant = targetValue(target, value);
    return (flow) => target.set(flow, constant);
  }
  const { only, toText } = createTemplate(value, { maxLength: maxTextLength, onCut: note.cut(target.path) });
  if (only !== undefined && target.type !== 'text') return createCopy(only, target, note);
  return (flow) => {
    const text = toText(flow);
    if (text !== undefined) target.set(flow, text);
  };
}

function createCopy({ read }: StoredField, target: FieldTarget, note: Notes): Edit {
  const onCut = note.cut(target.path);
  const onTooLarge = note.tooLarge(target.path);
  return (flow) => {
    const value = read(flow);
    if (value === undefined) return;
    if (target.type === 'number') {
      const number = targetValue(target, Number(value));
      if (number === undefined) onTooLarge();
      else target.set(flow, number);
      return;
    }
    const text = valueText(value);
    if (text === undefined) return;
    if (text.length > maxTextLength) onCut();
    target.set(flow, cutText(text, maxTextLength));
  };
}

function createNotes(context: StepContext): Notes {
  const kind = (outcome: string, message: string) => (path: string) => {
    const note = createFaultNote(context, { step: 'fields', outcome, message });
    return () => note({ field: path });
  };
  return {
    cut: kind('value-cut', `a value of more than ${maxTextLength} characters was cut`),
    tooLarge: kind('value-too-large', 'a number is larger than the field holds: it is left out'),
  };
}

function readable(path: string): StoredField {
  return checked(storedField(path));
}

function writable(path: string): FieldTarget {
  return checked(fieldTarget(path));
}

function removable(path: string): Edit {
  return checked(fieldRemoval(path));
}

/** The schema has refused what would be a mistake here. */
function checked<T>(found: T | string): T {
  if (typeof found === 'string') throw new WeirError('internal', found);
  return found;
}
