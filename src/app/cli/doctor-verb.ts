// `weir doctor`.

import type { Command } from 'commander';
import { exitCodes } from './failure.ts';
import { examples, logLevelOption, pipelineArgument, writeLines } from './shared-options.ts';

export function addDoctorVerb(program: Command): void {
  program
    .command('doctor')
    .description(
      'Look at this machine, the servers of the pipeline file, and the weir that runs with it: what is wrong, why it matters, what mends it.',
    )
    .addArgument(pipelineArgument())
    .option('--json', 'all of it, as JSON')
    .addOption(logLevelOption())
    .addHelpText('after', examples('weir doctor', 'weir doctor my-pipeline.yml', 'weir doctor --json | jq .findings'))
    .action(async (file: string | undefined, { json = false }: { readonly json?: boolean }) => {
      const { loadPipelineFile } = await import('../pipeline-source.ts');
      const { diagnose } = await import('../doctor/doctor.ts');
      const { toDoctorText } = await import('../doctor/doctor-text.ts');
      const diagnosis = await diagnose(await loadPipelineFile(file), () => Date.now());
      // NO_COLOR is heeded by it, too.
      const withColors = process.stdout.isTTY === true && process.stdout.hasColors();
      await writeLines(json ? `${JSON.stringify(diagnosis, undefined, 2)}\n` : toDoctorText(diagnosis, withColors));
      const severities = diagnosis.findings.map(({ severity }) => severity);
      if (severities.includes('error')) process.exitCode = exitCodes.unhealthy;
      else if (severities.length > 0) process.exitCode = exitCodes.warnings;
    });
}
