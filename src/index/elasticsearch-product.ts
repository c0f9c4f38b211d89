// What answers at the address: Elasticsearch 7, another build of it, or something else. Input: the answer to `GET /`.

import { WeirError } from '../model/errors.ts';
import type { ElasticsearchAnswer, ProductCheck } from './elasticsearch-client.ts';
import { asRecord, readAnswer, strangeAnswer } from './server-answer.ts';

export interface Product {
  readonly name: 'Elasticsearch' | 'OpenSearch' | 'unknown';
  readonly version: string;
  /** One sentence for the log when the server is not what weir is made for, but is accepted. */
  readonly remark: string | undefined;
}

/** Throws WeirError: `sink-refused` when this server will never do, `sink-unavailable` when it may later. */
export function toProduct(answer: ElasticsearchAnswer, productCheck: ProductCheck): Product {
  const unknown: Product = { name: 'unknown', version: '', remark: undefined };
  if (productCheck === 'off' && answer.status === 200 && asRecord(answer.json) === undefined) return unknown;
  const root = readAnswer(answer, { what: 'ask for the version', privilege: 'the cluster privilege "monitor"' });
  const version = asRecord(root['version']);
  const number = version?.['number'];
  if (typeof number !== 'string') {
    if (productCheck === 'off') return unknown;
    throw strangeAnswer(answer);
  }
  const flavor = version?.['build_flavor'];
  const isOpenSearch = version?.['distribution'] === 'opensearch' || /opensearch/i.test(String(root['tagline']));
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

/** Composable templates came with 7.8; OpenSearch has them from its first version. */
export function hasComposableTemplates({ name, version }: Product): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return name === 'OpenSearch' || major > 7 || (major === 7 && minor >= 8);
}
