// What several verbs have in common: arguments, options, examples, and where their text goes.

import { Argument, InvalidArgumentError, Option } from 'commander';

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

/** `10.0.0.9:2055`, `[2001:db8::9]:2055`, `collector.example:2055`, with or without `udp://`. */
export function toHostPort(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:udp:\/\/)?(\[[0-9a-f:.]+(?:%\w+)?\]|[^\s:[\]/]+):(\d{1,5})\/?$/i.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 65_535)
    throw new InvalidArgumentError('Expected an address and a port such as 10.0.0.9:2055 or [2001:db8::9]:2055.');
  return { host: match[1]!.replace(/^\[|\]$/g, ''), port };
}
