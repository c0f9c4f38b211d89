// Step `locality`: private or public, for each address; the document says `public` if one of its sides is. The user's own
// networks, by longest prefix: their names, sites and tags, and whether they are private.

import { z } from 'zod';
import type { AddressFacts, NamedNetwork } from '../address-facts.ts';
import { createPrefixTable } from '../prefix-table.ts';
import { subnetMap, subnets } from '../setting-types.ts';
import type { StepDefinition } from '../step.ts';

/** What Elasticsearch takes as a value (`ignore_above`). */
const label = (what: string) =>
  z.string({ error: `expected ${what}` }).regex(/^[^\p{Cc}]{1,256}$/u, {
    error: `expected ${what}: 1 to 256 characters on one line`,
  });

/** A document repeats the tags for each role of the address. */
const maxTags = 16;

const network = z.strictObject(
  {
    name: label('the name of a network').optional().describe('Stored as `flow.src_network` and so on.'),
    site: label('the name of a site').optional().describe('Stored as `flow.src_site` and so on.'),
    tags: z
      .array(label('a tag'), { error: 'expected a list of tags' })
      .max(maxTags, { error: `expected at most ${maxTags} tags` })
      .optional()
      .describe('Stored as `flow.src_tags` and so on.'),
    private: z
      .boolean({ error: 'expected true or false' })
      .optional()
      .describe('Whether its addresses count as private, whatever the list of private addresses says.'),
  },
  { error: 'expected a mapping with name, site, tags or private' },
);

const options = z.strictObject({
  networks: subnetMap(network, 'expected a mapping from subnet to network')
    .optional()
    .describe(
      'Your own networks: a map from subnet to `name`, `site`, `tags` and `private`. The longest subnet that contains an address counts, with what it says and no more.',
    ),
  private: subnets()
    .optional()
    .describe(
      'The private addresses, in place of ElastiFlow’s list (10/8, 172.16/12, 192.168/16, 127/8, 169.254/16, 224/4, fc00::/7, fe80::/10, ff00::/8 …).',
    ),
});

export type LocalityOptions = z.infer<typeof options>;

export const localityStep: StepDefinition<LocalityOptions> = {
  name: 'locality',
  summary: 'Says whether traffic stays in private networks or has a public side, and in which of your networks it is.',
  options,
  reads: ['flow.src_addr', 'flow.dst_addr'],
  writes: ['flow.traffic_locality'].concat(
    ['src', 'dst', 'client', 'server'].flatMap((side) =>
      ['network', 'site', 'tags'].map((field) => `flow.${side}_${field}`),
    ),
  ),
  cost: { microseconds: 0.1, remark: 'An address is looked up once, and then known.' },
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
    {
      title: 'networks of your own; the longest subnet counts',
      options: {
        networks: {
          '10.0.0.0/8': { name: 'company', tags: ['internal'] },
          '10.1.0.0/16': { name: 'hq', site: 'berlin', tags: ['users', 'vip'] },
          '192.0.2.0/24': { name: 'dmz', private: true },
        },
      },
      record: { sourceIPv4Address: '10.1.2.3', destinationIPv4Address: '192.0.2.80' },
      expect: {
        'flow.src_network': 'hq',
        'flow.src_site': 'berlin',
        'flow.src_tags': ['users', 'vip'],
        'flow.dst_network': 'dmz',
        'flow.dst_site': null,
        'flow.dst_tags': null,
        'flow.traffic_locality': 'private',
      },
    },
    {
      title: 'a list of private addresses of your own',
      options: { private: ['100.64.0.0/10'] },
      record: { sourceIPv4Address: '100.64.0.1', destinationIPv4Address: '10.0.0.1' },
      expect: { 'flow.traffic_locality': 'public' },
    },
  ],
  create({ networks, private: privateSubnets }) {
    const table = createPrefixTable(
      Object.entries(networks ?? {}).map(([text, network]) => [
        text,
        { facts: toNamedNetwork(network), isPrivate: network.private },
      ]),
    );
    const privates = createPrefixTable((privateSubnets ?? []).map((text) => [text, true]));

    function classify(facts: AddressFacts): void {
      if (privateSubnets !== undefined) facts.isPrivate = privates.lookup(facts.text) === true;
      const found = table.size === 0 ? undefined : table.lookup(facts.text);
      if (found === undefined) return;
      facts.network = found.facts;
      facts.isPrivate = found.isPrivate ?? facts.isPrivate;
    }

    function describe(facts: AddressFacts): void {
      facts.locality = facts.isPrivate ? 'private' : 'public';
    }

    return networks === undefined && privateSubnets === undefined ? { describe } : { classify, describe };
  },
};

function toNamedNetwork({ name, site, tags }: z.infer<typeof network>): NamedNetwork | undefined {
  if (name === undefined && site === undefined && (tags ?? []).length === 0) return undefined;
  return { name, site, tags: tags === undefined || tags.length === 0 ? undefined : tags };
}
