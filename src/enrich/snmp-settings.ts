// The option `snmp` of the step `interfaces`: whom to ask, how, and within which bounds.

import { z } from 'zod';
import { didYouMean } from './did-you-mean.ts';
import { createPrefixTable } from './prefix-table.ts';
import { duration, keyMistake, subnet, subnetKey, twinsIn, whole, words } from './setting-types.ts';

export const authProtocols = ['md5', 'sha', 'sha224', 'sha256', 'sha384', 'sha512'] as const;
export const privProtocols = ['des', 'aes', 'aes256b', 'aes256r'] as const;

/** RFC 3414 §11.2: shorter ones make weak keys, and agents refuse them. */
const password = words('a password').min(8, { error: 'expected a password of 8 characters or more' });

const port = whole(1, 65_535).prefault(161).describe('UDP port of the agent.');

const community = z.strictObject({
  community: words('a community').describe('SNMPv2c: the community.'),
  port,
});

const user = z
  .strictObject({
    user: words('the name of a user').describe('SNMPv3: the user.'),
    auth_protocol: z
      .enum(authProtocols, { error: `expected one of ${authProtocols.join(', ')}` })
      .prefault('sha')
      .describe('How messages are signed.'),
    auth_password: password.optional().describe('Without it messages are not signed.'),
    priv_protocol: z
      .enum(privProtocols, { error: `expected one of ${privProtocols.join(', ')}` })
      .prefault('aes')
      .describe('How messages are encrypted; aes256b: Blumenthal, aes256r: Reeder, as Cisco has it.'),
    priv_password: password.optional().describe('Without it messages are not encrypted.'),
    context: words('the name of a context').optional().describe('SNMPv3 context.'),
    port,
  })
  .refine(({ auth_password: auth, priv_password: priv }) => priv === undefined || auth !== undefined, {
    error: 'expected auth_password, too: what is encrypted must be signed',
  });

export type SnmpAgent = z.output<typeof community> | z.output<typeof user>;

const isMapping = z.record(z.string(), z.unknown());

/** A mapping with one of these keys is one agent for all, any other a map from subnet to agent. */
const agents = z
  .record(z.string(), z.unknown(), { error: 'expected how to ask agents, or a map from subnet to that' })
  .transform((given, context): Record<string, SnmpAgent> => {
    const found: Record<string, SnmpAgent> = {};
    if ('community' in given || 'user' in given) {
      const agent = readAgent(given, [], context);
      return agent === undefined ? z.NEVER : { '0.0.0.0/0': agent, '::/0': agent };
    }
    for (const { key, message } of twinsIn(Object.keys(given), subnetKey, 'subnet'))
      keyMistake(context, given, [key], message);
    for (const [key, value] of Object.entries(given)) {
      const message = subnet.safeParse(key).error?.issues[0]?.message;
      if (message !== undefined) {
        keyMistake(context, given, [key], message);
        continue;
      }
      const agent = readAgent(value, [key], context);
      if (agent !== undefined) found[key] = agent;
    }
    return found;
  });

/** By its own schema, so that what is said is about that one, and at its place. */
function readAgent(value: unknown, path: string[], context: z.core.$RefinementCtx): SnmpAgent | undefined {
  const given = isMapping.safeParse(value).data;
  if (given === undefined || 'community' in given === 'user' in given) {
    const message =
      'expected "{ community: … }" (SNMPv2c) or "{ user: …, auth_password: …, priv_password: … }" (SNMPv3)';
    // Of the map, not of its value: that may be a community.
    context.issues.push({ code: 'custom', path: path.length === 0 || given ? path : [], input: value, message });
    return undefined;
  }
  const schema = 'user' in given ? user : community;
  const { data, error } = schema.safeParse(given);
  for (const issue of error?.issues ?? []) {
    if (issue.code !== 'unrecognized_keys') {
      context.addIssue({ code: 'custom', message: issue.message, path: [...path, ...issue.path] });
      continue;
    }
    for (const key of issue.keys) {
      const message = `unknown key ${JSON.stringify(key)}${didYouMean(key, Object.keys(schema.shape), 'the keys are')}`;
      // Not the value: a mistyped password would stand in the message.
      keyMistake(context, given, [...path, key], message);
    }
  }
  return data;
}

export const snmpSettings = z.strictObject({
  agents: agents.describe(
    'How exporters are asked: a community or a user for all, or a map from subnet to that; the longest subnet counts, others are not asked.',
  ),
  name: z
    .enum(['ifName', 'ifAlias', 'ifDescr'])
    .prefault('ifName')
    .describe('Which of an interface’s texts is its name; where it has none: ifName, then ifDescr.'),
  every: duration(60_000, 30 * 86_400_000)
    .prefault('1h')
    .describe('So long the interfaces of an exporter count before they are asked for again.'),
  timeout: duration(100, 60_000).prefault('2s').describe('So long an answer is waited for.'),
  retries: whole(0, 10).prefault(1).describe('So often a question is repeated.'),
  concurrency: whole(1, 64).prefault(4).describe('Exporters that are asked at the same time.'),
  interfaces: whole(1, 100_000).prefault(10_000).describe('More interfaces of one exporter are left out.'),
});

export type SnmpSettings = z.output<typeof snmpSettings>;

/** The agent of an exporter; undefined: it is not asked. */
export function agentFinder({ agents: of }: SnmpSettings): (exporter: string) => SnmpAgent | undefined {
  return createPrefixTable(Object.entries(of)).lookup;
}
