// The key `kibana` of the pipeline file: where `weir setup` imports the dashboards, and how to sign in there.

import { resolve } from 'node:path';
import { z } from 'zod';
import type { ElasticsearchTarget } from './elasticsearch-section.ts';
import { filePath, fingerprint, flag, words } from './setting-types.ts';

export interface KibanaTarget {
  /** Of Kibana itself, base path included, space not. */
  readonly url: string;
  readonly space?: string;
  readonly username?: string;
  readonly password?: string;
  readonly apiKey?: string;
  /** Absolute path of a PEM file. */
  readonly caFile?: string;
  /** SHA-256 of the authority's certificate, in hex. */
  readonly caFingerprint?: string;
}

export interface KibanaSettings extends KibanaTarget {
  /** Whether `run` and `work` import the dashboards when they start. */
  readonly setup: boolean;
}

const isHttpUrl = (text: string): boolean =>
  URL.canParse(text) && /^https?:$/.test(new URL(text).protocol) && !/[?#]/.test(text);

export const kibanaUrl = z
  .string({ error: 'expected a URL such as "http://localhost:5601"' })
  .refine(isHttpUrl, { error: 'expected a URL such as "http://localhost:5601", with the base path if there is one' });

/** What Kibana itself allows in the URL of a space. */
export const kibanaSpace = words('a space').refine((text) => /^[a-z0-9_-]{1,1024}$/.test(text), {
  error: 'expected a space as its URL has it: lower case letters, digits, "_" and "-"',
});

export const kibana = z.strictObject(
  {
    url: kibanaUrl.optional().describe('A Kibana 7.3 to 7.17, base path included. Empty: none.'),
    setup: flag()
      .default(true)
      .describe('`run` and `work` import the dashboards when they start; false: `weir setup` does.'),
    space: kibanaSpace.optional().describe('The space, as its URL has it; absent: the default one.'),
    username: words('a user name').optional().describe('How to sign in; with password. Absent: as in Elasticsearch.'),
    password: words('a password').optional().describe('Better an environment variable.'),
    api_key: words('an API key').optional().describe('The other way to sign in.'),
    ca_file: filePath('the path of a PEM file')
      .optional()
      .describe('PEM file of the authority that signed Kibana’s certificate.'),
    ca_fingerprint: fingerprint()
      .optional()
      .describe('SHA-256 fingerprint of that authority’s certificate, in place of the file.'),
  },
  { error: 'expected a mapping such as { url: "http://localhost:5601" }' },
);

type KibanaConfig = z.output<typeof kibana>;

export function kibanaContradictions(config: KibanaConfig | undefined) {
  const found: { readonly path: readonly PropertyKey[]; readonly message: string }[] = [];
  if (config?.url === undefined) return found;
  const { url, username, password, api_key, ca_file, ca_fingerprint } = config;
  if (api_key !== undefined && (username ?? password) !== undefined)
    found.push({
      path: ['kibana', 'api_key'],
      message: 'kibana: give either api_key, or username and password, not both',
    });
  else if ((username === undefined) !== (password === undefined))
    found.push({ path: ['kibana'], message: `kibana: ${username === undefined ? 'username' : 'password'} is missing` });
  if (ca_file !== undefined && ca_fingerprint !== undefined)
    found.push({
      path: ['kibana', 'ca_fingerprint'],
      message: 'kibana.ca_fingerprint: give either ca_file or ca_fingerprint, not both',
    });
  if (ca_fingerprint !== undefined && !url.startsWith('https:'))
    found.push({ path: ['kibana', 'ca_fingerprint'], message: 'kibana.ca_fingerprint: url must begin with https://' });
  return found;
}

export function toKibanaSettings(config: KibanaConfig | undefined, folder: string): KibanaSettings | undefined {
  if (config?.url === undefined) return undefined;
  const { url, setup, space, username, password, api_key, ca_file, ca_fingerprint } = config;
  return {
    url,
    setup,
    ...(space !== undefined && { space }),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(api_key !== undefined && { apiKey: api_key }),
    ...(ca_file !== undefined && { caFile: resolve(folder, ca_file) }),
    ...(ca_fingerprint !== undefined && { caFingerprint: ca_fingerprint }),
  };
}

/**
 * What the section leaves open, from Elasticsearch: Kibana has its users, and mostly its authority. A password that goes to
 * Elasticsearch by TLS only is not sent to a Kibana without.
 */
export function withElasticsearchAccess(
  target: KibanaTarget,
  elasticsearch: ElasticsearchTarget | undefined,
): KibanaTarget {
  if (elasticsearch === undefined) return target;
  const isTls = target.url.startsWith('https:');
  const { username, password, apiKey, caFile, caFingerprint, nodes } = elasticsearch;
  const node = new URL(nodes[0] ?? target.url);
  const hasAccess = (target.username ?? target.apiKey) !== undefined || new URL(target.url).username !== '';
  const hasTrust = (target.caFile ?? target.caFingerprint) !== undefined;
  const mayShare = !hasAccess && (isTls || node.protocol === 'http:');
  const signIn = apiKey === undefined ? (username ?? decodeURIComponent(node.username)) : '';
  return {
    ...target,
    ...(mayShare && apiKey !== undefined && { apiKey }),
    ...(mayShare &&
      signIn !== '' && {
        username: signIn,
        password: username === undefined ? decodeURIComponent(node.password) : (password ?? ''),
      }),
    ...(isTls && !hasTrust && caFile !== undefined && { caFile }),
    ...(isTls && !hasTrust && caFingerprint !== undefined && { caFingerprint }),
  };
}
