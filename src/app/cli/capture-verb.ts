// `weir capture`.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { toBytes, toMs } from '../../enrich/quantities.ts';
import { waitForStopSignal } from '../lifecycle.ts';
import { examples, exporterOption, logLevelOption, pipelineArgument } from './shared-options.ts';

interface CaptureFlags {
  readonly output?: string;
  readonly exporter?: readonly string[];
  readonly size: number;
  readonly duration: number;
  readonly count?: number;
  readonly files: number;
  readonly force?: boolean;
  readonly listen?: boolean;
}

const defaultBytes = 100e6;
const defaultMs = 5 * 60_000;

export function addCaptureVerb(program: Command): void {
  program
    .command('capture')
    .description('Write what exporters send into a pcap file, beside the weir that runs with this pipeline file.')
    .addArgument(pipelineArgument())
    .option('-o, --output <file>', 'the file, or - (default: weir-capture-TIME.pcap)')
    .addOption(exporterOption())
    .addOption(new Option('--duration <time>', 'ends after so long').argParser(toDuration).default(defaultMs, '5m'))
    .addOption(new Option('--size <size>', 'ends at this size').argParser(toSize).default(defaultBytes, '100MB'))
    .addOption(new Option('--count <datagrams>', 'ends after so many').argParser(toCount))
    .addOption(
      new Option('--files <n>', 'goes on in another file at that size, and keeps the newest so many')
        .argParser(toFiles)
        .default(1),
    )
    .option('--force', 'replace a file that is there')
    .option('--listen', 'where no weir runs: take its ports; nothing is indexed meanwhile')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      examples(
        'weir capture',
        'weir capture my-pipeline.yml --exporter 10.0.0.1 --duration 2m --output capture.pcap',
        'docker compose exec weir weir capture --output - > capture.pcap',
      ),
    )
    .action(async (pipeline: string | undefined, flags: CaptureFlags) => {
      const { exporter, size, duration, count, files, force = false, listen = false } = flags;
      const stopSignal = waitForStopSignal();
      const output = flags.output ?? `weir-capture-${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}.pcap`;
      const { capture } = await import('../capture/capture.ts');
      const { createLineOutput } = await import('../line-output.ts');
      const lines = await capture({
        pipeline,
        output,
        isForced: force,
        exporters: exporter,
        maxBytes: size,
        maxFiles: files,
        maxMs: duration,
        maxCount: count ?? Number.POSITIVE_INFINITY,
        listens: listen,
        writeAside: (text) => process.stderr.write(text),
        writeOutput: createLineOutput(process.stdout).writeBytes,
        isTerminal: process.stderr.isTTY === true,
        stopSignal,
      });
      (output === '-' ? process.stderr : process.stdout).write(`${lines.join('\n')}\n`);
    });
}

function toDuration(text: string): number {
  const ms = toMs(text);
  if (ms !== undefined && ms >= 1000 && ms <= 7 * 86_400_000) return ms;
  throw new InvalidArgumentError('Expected a time such as 30s or 10m, at most 7d.');
}

function toSize(text: string): number {
  const bytes = toBytes(text);
  if (bytes !== undefined && bytes >= 1000) return bytes;
  throw new InvalidArgumentError('Expected a size such as 100MB.');
}

function toCount(text: string): number {
  if (/^[1-9]\d{0,11}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 1 on.');
}

function toFiles(text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 1 to 9999.');
}
