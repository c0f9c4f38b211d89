// Without their template the indices of rollups would be made wrongly: is it there?

import { WeirError } from '../model/errors.ts';
import type { ElasticsearchClient } from './elasticsearch-client.ts';
import { hasComposableTemplates, toProduct } from './elasticsearch-product.ts';
import { rollupKind } from './index-template.ts';
import { createTemplateStore } from './template-store.ts';

/** Throws WeirError `sink-refused` when it is not, or somebody else's. */
export async function checkRollupTemplate(client: ElasticsearchClient, signal: AbortSignal): Promise<void> {
  const product = toProduct(await client.request({ method: 'GET', path: '/' }, signal), client.productCheck);
  const store = createTemplateStore(client, hasComposableTemplates(product) ? 'composable' : 'legacy');
  if ((await store.read(rollupKind, signal))?.marker?.template === rollupKind) return;
  throw new WeirError('sink-refused', `the template ${rollupKind} is missing`, {
    hint: 'Run weir setup, once, as a user who may; or switch rollups off.',
  });
}
