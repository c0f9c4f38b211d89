// Requests without the client library's own product check, which refuses Elasticsearch's open-source builds, and warns on standard error
// where it is not let in.

import { Transport } from '@elastic/elasticsearch';
import { WeirError } from '../model/errors.ts';

/** Skips the library's own product check, which refuses Elasticsearch's open-source builds: elasticsearch-product.ts checks. */
export class UncheckedTransport extends Transport {
  constructor(options: ConstructorParameters<typeof Transport>[0]) {
    super(options);
    const state = Object.getOwnPropertySymbols(this).find(({ description }) => description === 'product check');
    if (state === undefined) throw new WeirError('internal', '@elastic/elasticsearch has no product check to skip');
    const checkedAndFine = 2;
    Reflect.set(this, state, checkedAndFine);
  }
}
