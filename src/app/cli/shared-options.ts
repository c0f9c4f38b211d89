// What several verbs have in common: arguments, options, examples, and where their text goes.

import { Argument, Option } from 'commander';

export async function writeLines(text: string): Promise<void> {
  const { createLineOutput } = await import('../line-output.ts');
  await createLineOutput(process.stdout).write(text);
}

export function pipelineArgument(): Argument {
  return new Argument('[file]', 'the pipeline file (default: pipelines/flow.yml, the one that came with weir)');
}

export function logLevelOption(): Option {
  return new Option('--log-level <level>', 'what is logged; debug also shows where an error came from')
    .choices(['debug', 'info', 'warn', 'error', 'silent'])
    .default('info');
}

export function examples(...commands: readonly string[]): string {
  return `\n${commands.length > 1 ? 'Examples' : 'Example'}:\n${commands.map((command) => `  $ ${command}`).join('\n')}`;
}

/** May be given several times. */
export function exporterOption(): Option {
  return new Option('--exporter <subnet>', 'only these exporters: an address, or a subnet; again for more').argParser(
    (text: string, before: readonly string[] | undefined) => [...(before ?? []), text],
  );
}
