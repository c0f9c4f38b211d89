// `weir queue` and its verbs.

import type { Command } from 'commander';
import { examples, logLevelOption, pipelineArgument, writeLines } from './shared-options.ts';

export function addQueueVerbs(queue: Command): void {
  queue
    .helpCommand(false)
    .addHelpText('after', examples('weir queue', 'weir queue list my-pipeline.yml', 'weir queue retry all'));
  queue
    .command('status', { isDefault: true })
    .description('How much waits and since when, rates, listeners and workers (this is meant without a verb).')
    .addArgument(pipelineArgument())
    .option('--json', 'all of it, as JSON')
    .addOption(logLevelOption())
    .action(async (file: string | undefined, { json = false }: { readonly json?: boolean }) => {
      const { describeQueue } = await import('../queue-report.ts');
      await writeLines(await describeQueue(file, { json }));
    });
  queue
    .command('list')
    .description('List the batches in quarantine.')
    .addArgument(pipelineArgument())
    .option('--json', 'all of it, as JSON')
    .addOption(logLevelOption())
    .action(async (file: string | undefined, { json = false }: { readonly json?: boolean }) => {
      const { listQuarantine } = await import('../queue-report.ts');
      await writeLines(await listQuarantine(file, { json }));
    });
  queue
    .command('show')
    .description('Print a batch in quarantine with its records, as JSON.')
    .argument('<batch>', 'as weir queue list names it')
    .addArgument(pipelineArgument())
    .addOption(logLevelOption())
    .action(async (batch: string, file: string | undefined) => {
      const { showQuarantined } = await import('../queue-report.ts');
      await writeLines(await showQuarantined(batch, file));
    });
  queue
    .command('retry')
    .description('Put a batch, or all of them, back on the queue.')
    .argument('<batch>', 'as weir queue list names it, or "all"')
    .addArgument(pipelineArgument())
    .addOption(logLevelOption())
    .action(async (batch: string, file: string | undefined) => {
      const { retryQuarantined } = await import('../queue-report.ts');
      await writeLines(await retryQuarantined(batch, file));
    });
  queue
    .command('drop')
    .description('Remove a batch, or all of them, for good; prints whose records these were.')
    .argument('<batch>', 'as weir queue list names it, or "all"')
    .addArgument(pipelineArgument())
    .addOption(logLevelOption())
    .action(async (batch: string, file: string | undefined) => {
      const { dropQuarantined } = await import('../queue-report.ts');
      await writeLines(await dropQuarantined(batch, file));
    });
}
