// A visualization as a saved object.

import type { JsonObject, Reference, SavedObject } from './saved-object.ts';

export interface VisualizationOptions {
  readonly id: string;
  readonly title: string;
  readonly description?: string;
  readonly visState: JsonObject;
  /** Without one it reads no index pattern by itself (TSVB, Vega, text, controls). */
  readonly searchSourceJSON?: string;
  readonly references?: readonly Reference[];
  /** Label → colour, where Kibana's choice would mislead. */
  readonly colors?: Readonly<Record<string, string>>;
}

export function toVisualization(options: VisualizationOptions): SavedObject {
  const { id, title, description = '', visState, searchSourceJSON = noSearch, references = [], colors } = options;
  return {
    type: 'visualization',
    id,
    attributes: {
      description,
      kibanaSavedObjectMeta: { searchSourceJSON },
      title,
      uiStateJSON: JSON.stringify(colors === undefined ? {} : { vis: { colors } }),
      version: 1,
      visState: JSON.stringify({ title, ...visState }),
    },
    references,
  };
}

const noSearch = JSON.stringify({ query: { language: 'kuery', query: '' }, filter: [] });
