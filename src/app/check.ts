// `weir check`: lints a pipeline file, opens its steps, runs its tests. Nothing on the network.

import { loadPipelineFile } from './pipeline-source.ts';

/** One line of success; throws WeirError with every mistake or failure. */
export async function check(named: string | undefined): Promise<string> {
  const file = await loadPipelineFile(named);
  return `${file.path}: ${count(file.steps.length, 'step')}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
