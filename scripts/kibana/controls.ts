// Lists from which a reader chooses what a dashboard is about.

import type { Dashboard, Source } from './definitions.ts';
import type { JsonObject, SavedObject } from './saved-object.ts';
import { toVisualization } from './visualization.ts';

export function toControls(dashboard: Dashboard, id: string, source: Source): SavedObject {
  const controls = dashboard.controls.map(
    ({ field, label }, index): JsonObject => ({
      id: `control-${index}`,
      fieldName: field,
      indexPatternRefName: referenceOf(index),
      label,
      options: { type: 'terms', multiselect: true, dynamicOptions: true, size: 10, order: 'desc' },
      parent: '',
      type: 'list',
    }),
  );
  const visState = {
    type: 'input_control_vis',
    params: { controls, pinFilters: false, updateFiltersOnChange: true, useTimeFilter: true },
    aggs: [],
  };
  return toVisualization({
    id,
    title: `${dashboard.config.title}: controls`,
    visState,
    references: dashboard.controls.map((_, index) => ({
      id: source.id,
      name: referenceOf(index),
      type: 'index-pattern',
    })),
  });
}

function referenceOf(index: number): string {
  return `control_${index}_index_pattern`;
}
