// Step `keep`: only flows for which a condition holds are stored. The others are counted under the step's name.

import { z } from 'zod';
import { conditionOption } from '../condition.ts';
import { readsOf, type StepDefinition } from '../step.ts';

const options = z.strictObject({
  when: conditionOption.describe('A condition (docs/conditions.md): flows for which it does not hold are dropped.'),
});

export type KeepOptions = z.infer<typeof options>;

export const keepStep: StepDefinition<KeepOptions> = {
  name: 'keep',
  summary: 'Keeps flows for which a condition holds; the others are counted, not stored.',
  options,
  uses: ({ when }) => readsOf(when.fields),
  reads: [],
  writes: [],
  cost: { microseconds: 0.2, remark: 'That of the condition. A flow that is dropped saves the rest of its way.' },
  examples: [
    {
      title: 'the condition holds',
      options: { when: 'flow.dst_port in 1..1023 or flow.src_port in 1..1023' },
      record: { sourceTransportPort: 43_173, destinationTransportPort: 443 },
      expect: { 'flow.dst_port': 443 },
    },
    {
      title: 'the condition does not hold',
      options: { when: 'flow.dst_port in 1..1023 or flow.src_port in 1..1023' },
      record: { sourceTransportPort: 43_173, destinationTransportPort: 8443 },
      expect: 'dropped',
    },
    {
      title: 'a field that is absent has no value, so the condition does not hold',
      options: { when: 'flow.vlan < 100' },
      record: { sourceTransportPort: 43_173 },
      expect: 'dropped',
    },
  ],
  create({ when }) {
    return { apply: (flow) => when.holds(flow) };
  },
};
