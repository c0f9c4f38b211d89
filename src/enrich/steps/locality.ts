// Step `locality`: private or public, for each address; the document says `public` if one of its sides is.

import { z } from 'zod';
import type { AddressFacts } from '../address-facts.ts';
import type { StepDefinition } from '../step.ts';

const options = z.strictObject({});

export type LocalityOptions = z.infer<typeof options>;

export const localityStep: StepDefinition<LocalityOptions> = {
  name: 'locality',
  summary: 'Says whether traffic stays in private networks or has a public side.',
  options,
  reads: ['flow.src_addr', 'flow.dst_addr'],
  writes: ['flow.traffic_locality'],
  examples: [
    {
      title: 'between private networks',
      options: {},
      record: { sourceIPv4Address: '10.0.0.115', destinationIPv4Address: '192.168.1.1' },
      expect: { 'flow.traffic_locality': 'private' },
    },
    {
      title: 'one public side is enough',
      options: {},
      record: { sourceIPv6Address: 'fe80::1', destinationIPv6Address: '2001:4860:4860::8888' },
      expect: { 'flow.traffic_locality': 'public' },
    },
  ],
  create() {
    function describe(facts: AddressFacts): void {
      facts.locality = facts.isPrivate ? 'private' : 'public';
    }

    return { describe };
  },
};
