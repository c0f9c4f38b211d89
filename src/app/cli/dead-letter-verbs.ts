// `weir dead-letters` and its verbs.

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { DeadLetterFlags } from '../dead-letters.ts';
import { examples, logLevelOption, pipelineArgument, writeLines } from './shared-options.ts';

export function addDeadLetterVerbs(deadLetters: Command): void {
  deadLetters
    .helpCommand(false)
    .addHelpText(
      'after',
      examples(
        'weir dead-letters list --since 1d',
        'weir dead-letters retry --reason mapper_parsing',
        'weir dead-letters purge --before 30d',
      ),
    );
  withLetterOptions(deadLetters.command('list'))
    .description('List dead letters, the newest first: when, id, index, exporter, reason.')
    .option('--json', 'all of each, as JSON')
    .addHelpText(
      'after',
      examples('weir dead-letters list', 'weir dead-letters list my-pipeline.yml --since 2h --json'),
    )
    .action(async (file: string | undefined, flags: DeadLetterFlags & { readonly json?: boolean }) => {
      const { listDeadLetters } = await import('../dead-letters.ts');
      await writeLines(await listDeadLetters(file, flags, Date.now()));
    });
  deadLetters
    .command('show')
    .description('Print one dead letter: reason, original document, batch, exporter.')
    .argument('<id>', 'its id, as list shows it')
    .addArgument(pipelineArgument())
    .addOption(logLevelOption())
    .addHelpText('after', examples('weir dead-letters show 0198f0c4a1b2c3d4-1'))
    .action(async (id: string, file: string | undefined) => {
      const { showDeadLetter } = await import('../dead-letters.ts');
      await writeLines(await showDeadLetter(file, id));
    });
  withLetterOptions(deadLetters.command('retry'))
    .description('Send the originals again, under their own ids; those that are indexed then are no letters any more.')
    .option('--dry-run', 'only tell how many')
    .addHelpText('after', examples('weir dead-letters retry', 'weir dead-letters retry --reason "total fields"'))
    .action(async (file: string | undefined, flags: DeadLetterFlags & { readonly dryRun?: boolean }) => {
      const { retryDeadLetters } = await import('../dead-letters.ts');
      await writeLines(await retryDeadLetters(file, flags, Date.now()));
    });
  withLetterOptions(deadLetters.command('purge'))
    .description('Throw dead letters away; which ones must be said.')
    .option('--yes', 'all of them, when no other option says which')
    .option('--dry-run', 'only tell how many')
    .addHelpText('after', examples('weir dead-letters purge --before 30d', 'weir dead-letters purge --yes'))
    .action(
      async (
        file: string | undefined,
        flags: DeadLetterFlags & { readonly yes?: boolean; readonly dryRun?: boolean },
      ) => {
        const { purgeDeadLetters } = await import('../dead-letters.ts');
        await writeLines(await purgeDeadLetters(file, flags, Date.now()));
      },
    );
}

function withLetterOptions(verb: Command): Command {
  return verb
    .addArgument(pipelineArgument())
    .option('--id <id>', 'only this one')
    .option('--since <time>', 'refused since then: a duration such as 2h, or 2026-11-24T12:00:00Z')
    .option('--before <time>', 'refused before then')
    .option('--reason <text>', 'whose reason has this text in it')
    .addOption(new Option('--limit <count>', 'at most so many').argParser(toCount))
    .addOption(logLevelOption());
}

function toCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 1 on.');
}
