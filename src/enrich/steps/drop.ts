// Step `drop`: flows that are not stored, by conditions on the document's fields. They are counted under the step's name.

import { z } from 'zod';
import { type Condition, conditionOption } from '../condition.ts';
import type { FlowDocument } from '../flow-document.ts';
import { createPrefixTable, readPrefix } from '../prefix-table.ts';
import { createRecentMap } from '../recent-map.ts';
import { keyMistake } from '../setting-types.ts';
import { readsOf, type StepDefinition } from '../step.ts';
import { type FieldType, storedField } from '../stored-field.ts';

const number = /^-?\d+(?:\.\d+)?$/;

const value = z.union([z.string(), z.number(), z.boolean()], {
  error: 'expected a value as it is stored, or a subnet',
});

const valueOrList = z.union([value, z.array(value).min(1, { error: 'the list of values is empty' })], {
  error: 'expected a value as it is stored, a subnet, or a list of them',
});

const none = () => false;

/** What values fields of each type take. */
const kinds: Readonly<Record<FieldType, { fits(text: string): boolean; expected: string; name: string }>> = {
  number: { fits: (text) => number.test(text), expected: 'a number', name: 'a number' },
  text: { fits: () => true, expected: 'a text', name: 'a text' },
  address: {
    fits: (text) => readPrefix(text) !== undefined,
    expected: 'an IP address or a subnet such as "192.0.2.0/24"',
    name: 'an address',
  },
  boolean: { fits: (text) => text === 'true' || text === 'false', expected: 'true or false', name: 'true or false' },
  time: { fits: none, expected: 'another field', name: 'a time' },
  place: { fits: none, expected: 'another field', name: 'a place' },
};

const conditions = z
  .record(z.string(), valueOrList, {
    error: 'expected a mapping from document field to value, such as "flow.dst_port: 53"',
  })
  .refine((when) => Object.keys(when).length > 0, { error: 'a condition is missing: without one, every flow would go' })
  .superRefine((when, context) => {
    for (const [path, values] of Object.entries(when)) {
      const field = storedField(path);
      if (typeof field === 'string') keyMistake(context, when, [path], field);
      else {
        const kind = kinds[field.type];
        for (const wrong of listOf(values).filter((one) => !kind.fits(String(one)))) {
          const message = `expected ${kind.expected} (${path} is ${kind.name}), not ${JSON.stringify(wrong)}`;
          context.addIssue({ code: 'custom', path: [path], message });
        }
      }
    }
  });

const options = z.strictObject({
  when: z
    .union([conditionOption, conditions], {
      error: 'expected a condition such as "flow.dst_port = 53", or a mapping from document field to value',
    })
    .describe(
      'A condition (docs/conditions.md); or document fields, each with a value or a list of values as they are stored (an address field also takes subnets), which must all hold.',
    ),
});

export type DropOptions = z.infer<typeof options>;

export const dropStep: StepDefinition<DropOptions> = {
  name: 'drop',
  summary: 'Drops flows for which a condition holds; they are counted, not stored.',
  options,
  uses: ({ when }) => readsOf(isCondition(when) ? when.fields : Object.keys(when)),
  reads: [],
  writes: [],
  cost: { microseconds: 0.2, remark: 'That of the condition. A flow that is dropped saves the rest of its way.' },
  examples: [
    {
      title: 'a condition holds',
      options: { when: 'flow.dst_port in [53, 853] and flow.src_addr in 192.0.2.0/24 and not exists flow.vlan' },
      record: { sourceIPv4Address: '192.0.2.7', destinationTransportPort: 853, protocolIdentifier: 6 },
      expect: 'dropped',
    },
    {
      title: 'all conditions hold',
      options: { when: { 'flow.dst_port': 53, 'flow.src_addr': '192.0.2.0/24' } },
      record: {
        sourceIPv4Address: '192.0.2.7',
        destinationIPv4Address: '8.8.8.8',
        destinationTransportPort: 53,
        protocolIdentifier: 17,
      },
      expect: 'dropped',
    },
    {
      title: 'one condition does not hold',
      options: { when: { 'flow.dst_port': 53, 'flow.src_addr': '192.0.2.0/24' } },
      record: { sourceIPv4Address: '198.51.100.7', destinationIPv4Address: '8.8.8.8', destinationTransportPort: 53 },
      expect: { 'flow.src_addr': '198.51.100.7', 'flow.dst_port': 53 },
    },
    {
      title: 'one of several values',
      options: { when: { 'flow.ip_protocol': ['OSPFIGP', 'VRRP', 'UDP'] } },
      record: { sourceIPv4Address: '10.0.0.1', destinationIPv4Address: '224.0.0.18', protocolIdentifier: 17 },
      expect: 'dropped',
    },
  ],
  create({ when }) {
    if (isCondition(when)) return { apply: (flow) => !when.holds(flow) };
    const tests = Object.entries(when).map(([path, values]) => createTest(path, listOf(values)));

    function apply(flow: FlowDocument): boolean {
      for (let i = 0; i < tests.length; i++) if (!tests[i]!(flow)) return true;
      return false;
    }

    return { apply };
  },
};

type Value = z.infer<typeof value>;

function isCondition(when: DropOptions['when']): when is Condition {
  return typeof when['holds'] === 'function';
}

function createTest(path: string, wanted: readonly Value[]): (flow: FlowDocument) => boolean {
  const field = storedField(path);
  if (typeof field === 'string') return () => false;
  const { read } = field;
  const holds = field.type === 'address' ? createAddressTest(wanted.map(String)) : createValueTest(wanted);
  return (flow) => {
    const stored = read(flow);
    return Array.isArray(stored) ? stored.some(holds) : holds(stored);
  };
}

/** YAML's 53 and "53" are the same value: what matters is how it reads. */
function createValueTest(wanted: readonly Value[]): (stored: unknown) => boolean {
  const texts = wanted.map(String);
  const numbers = texts.filter((text) => number.test(text)).map(Number);
  const values = new Set<unknown>([...texts, ...numbers]);
  if (values.has('true')) values.add(true);
  if (values.has('false')) values.add(false);
  return (stored) => values.has(stored);
}

/** Addresses whose answer is remembered; asking the table costs 2 µs. */
const maxRemembered = 65_536;

function createAddressTest(subnets: readonly string[]): (stored: unknown) => boolean {
  const table = createPrefixTable(subnets.map((subnet) => [subnet, true]));
  const remembered = createRecentMap<string, boolean>(maxRemembered);
  return (stored) => {
    if (typeof stored !== 'string') return false;
    return remembered.get(stored) ?? remembered.add(stored, table.lookup(stored) === true);
  };
}

function listOf(values: Value | readonly Value[]): readonly Value[] {
  return typeof values === 'object' ? values : [values];
}
