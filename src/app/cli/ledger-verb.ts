// `weir ledger`.

import type { Command } from 'commander';
import { examples, exporterOption, logLevelOption, pipelineArgument, writeLines } from './shared-options.ts';

interface Flags {
  readonly exporter?: readonly string[];
  readonly since: string;
  readonly json?: boolean;
}

export function addLedgerVerb(program: Command): void {
  program
    .command('ledger')
    .description(
      'What became of each exporter’s flows: exported, lost, dropped, indexed; whether it balances, and where the rest is.',
    )
    .addArgument(pipelineArgument())
    .addOption(exporterOption())
    .option('--since <time>', 'a duration before now, or a time', '1h')
    .option('--json', 'all of it, as JSON')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      examples('weir ledger', 'weir ledger --exporter 10.0.0.1 --since 24h', 'weir ledger my-pipeline.yml --json'),
    )
    .action(async (file: string | undefined, flags: Flags) => {
      const { describeLedger } = await import('../ledger-report.ts');
      await writeLines(await describeLedger(file, flags, Date.now()));
    });
}
