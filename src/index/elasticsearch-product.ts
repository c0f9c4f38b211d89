// What answers at the address: Elasticsearch 7, another build of it, or something else. Input: the answer to `GET /`.

import { WeirError } from '../model/errors.ts';
import type { ElasticsearchAnswer, ProductCheck } from './elasticsearch-client.ts';

export interface Product {
  readonly name: 'Elasticsearch' | 'OpenSearch' | 'unknown';
  readonly version: string;
  /** One sentence for the log when the server is not what weir is made for, but is accepted. */
  readonly remark: string | undefined;
}

/** Throws WeirError: `sink-refused` when this server will never do, `sink-unavailable` when it may later. */
export function toProduct(answer: ElasticsearchAnswer, productCheck: ProductCheck): Product {
  checkStatus(answer);
  const root = asRecord(answer.json);
  const version = asRecord(root?.['version']);
  const number = version?.['number'];
  if (typeof number !== 'string') {
    if (productCheck === 'off') return { name: 'unknown', version: '', remark: undefined };
    throw new WeirError('sink-refused', 'what answers there is not Elasticsearch', {
      hint: 'Check the URL: is it a proxy, Kibana, or another server?',
    });
  }
  const flavor = version?.['build_flavor'];
  const isOpenSearch = version?.['distribution'] === 'opensearch' || /opensearch/i.test(String(root?.['tagline']));
  if (isOpenSearch) {
    const remark = 'This is OpenSearch: it takes the same requests, but weir is made for Elasticsearch 7.';
    return { name: 'OpenSearch', version: number, remark: productCheck === 'off' ? undefined : remark };
  }
  const major = Number(number.split('.')[0]);
  if (productCheck !== 'off' && !(major >= 7))
    throw new WeirError('sink-refused', `Elasticsearch ${number} is too old`, { hint: 'weir needs version 7.' });
  return { name: 'Elasticsearch', version: number, remark: remarkOn(number, major, flavor, productCheck) };
}

function remarkOn(number: string, major: number, flavor: unknown, productCheck: ProductCheck): string | undefined {
  if (productCheck === 'off') return undefined;
  if (major > 7) return `Elasticsearch ${number} is newer than weir is made for (7).`;
  if (flavor === 'default' || productCheck === 'strict') return undefined;
  return `This is an open-source build of Elasticsearch (flavor "${String(flavor)}"); it is accepted.`;
}

function checkStatus({ status }: ElasticsearchAnswer): void {
  if (status === 200) return;
  if (status === 401) throw authenticationFailed();
  if (status === 403)
    throw new WeirError('sink-refused', 'the user has no right to ask for the version (HTTP 403)', {
      hint: 'Give its role the cluster privileges "monitor" and "manage_index_templates".',
    });
  throw new WeirError('sink-unavailable', `HTTP ${status}`, { retryable: true });
}

export function authenticationFailed(): WeirError {
  return new WeirError('sink-refused', 'the server does not accept the user and password (HTTP 401)', {
    hint: 'Correct them in the URL: https://user:password@host:9200, special characters as %XX.',
  });
}

/** The value as an object; undefined for anything else. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}
