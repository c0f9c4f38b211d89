// `weir tee`.

import { type Command, Option } from 'commander';
import type { TeeTarget } from '../tee/nft-rules.ts';
import {
  examples,
  exporterOption,
  logLevelOption,
  pipelineArgument,
  toHostPort,
  writeLines,
} from './shared-options.ts';

interface TeeFlags {
  readonly to: readonly TeeTarget[];
  readonly exporter?: readonly string[];
}

export function addTeeVerb(program: Command): void {
  program
    .command('tee')
    .description(
      'Print nftables rules by which the kernel copies what exporters send to another collector, with their own addresses.',
    )
    .addArgument(pipelineArgument())
    .addOption(
      new Option('--to <host:port>', 'the other collector, by its IP address; again for more')
        .argParser((text: string, before: readonly TeeTarget[] | undefined) => [...(before ?? []), toHostPort(text)])
        .makeOptionMandatory(),
    )
    .addOption(exporterOption())
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      examples('weir tee my-pipeline.yml --to 10.0.0.9:2055 > tee.nft', 'weir tee --to 10.0.0.9:2055 | sudo nft -f -'),
    )
    .action(async (pipeline: string | undefined, { to, exporter }: TeeFlags) => {
      const { describeTee } = await import('../tee/nft-rules.ts');
      await writeLines(await describeTee(pipeline, { targets: to, exporters: exporter }));
    });
}
