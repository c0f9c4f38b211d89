// The verbs that prepare and tidy Elasticsearch: `weir setup`, `weir prune`.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { toBytes, toMs } from '../../enrich/quantities.ts';
import type { SetupOptions } from '../setup.ts';
import { examples, logLevelOption, pipelineArgument, writeLines } from './shared-options.ts';

export function addIndexVerbs(program: Command): void {
  program
    .command('setup')
    .description(
      'Prepare Elasticsearch for flows: index templates, lifecycle policy (weir run does it too, unless told not to), and dashboards.',
    )
    .addArgument(pipelineArgument())
    .option('--dry-run', 'only tell what would be done, and what it would change')
    .option('--force', 'also replace what weir did not make, or what was changed by hand: templates, dashboards')
    .option('--kibana <url>', 'import the dashboards there (default: kibana.url)')
    .option('--kibana-space <name>', 'the space, as its URL has it')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      examples('weir setup --dry-run', 'weir setup my-pipeline.yml', 'weir setup --kibana http://localhost:5601'),
    )
    .action(async (file: string | undefined, flags: SetupOptions) => {
      const { setup } = await import('../setup.ts');
      await writeLines(`${(await setup(file, flags)).join('\n')}\n`);
    });

  program
    .command('prune')
    .description('Delete old indices that weir made, and tell when the disk will be full.')
    .addArgument(pipelineArgument())
    .addOption(
      new Option('--older-than <age>', 'delete what ended so long ago (default: retention.keep)').argParser(toAge),
    )
    .addOption(
      new Option('--max-size <size>', 'delete the oldest until all have less (default: retention.max_size)').argParser(
        toSize,
      ),
    )
    .option('--dry-run', 'only tell what would be deleted')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      examples('weir prune --older-than 30d --dry-run', 'weir prune --max-size 500GB', 'weir prune my-pipeline.yml'),
    )
    .action(
      async (
        file: string | undefined,
        { olderThan, maxSize, dryRun = false }: { olderThan?: number; maxSize?: number; dryRun?: boolean },
      ) => {
        const { prune } = await import('../prune.ts');
        const lines = await prune(file, {
          dryRun,
          ...(olderThan !== undefined && { olderThanMs: olderThan }),
          ...(maxSize !== undefined && { maxBytes: maxSize }),
        });
        await writeLines(`${lines.join('\n')}\n`);
      },
    );
}

function toAge(text: string): number {
  const ms = toMs(text);
  if (ms !== undefined && ms >= 86_400_000) return ms;
  throw new InvalidArgumentError('Expected an age of a day at least, such as 30d.');
}

function toSize(text: string): number {
  const bytes = toBytes(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw new InvalidArgumentError('Expected a size such as 500GB.');
}
