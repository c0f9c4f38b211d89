// `weir replay`.

import { type Command, InvalidArgumentError, Option } from 'commander';
import { exitCodeOf, waitForStopSignal } from '../lifecycle.ts';
import type { Rate } from '../replay/pace.ts';
import { exitCodes } from './failure.ts';
import { examples, exporterOption, logLevelOption, toHostPort, writeLines } from './shared-options.ts';

interface ReplayFlags {
  readonly pipeline?: string;
  readonly to?: { readonly host: string; readonly port: number };
  readonly times: 'original' | 'now';
  readonly rate?: Rate;
  readonly speed?: number;
  readonly loop?: number | true;
  readonly exporter?: readonly string[];
  readonly offline?: boolean;
  readonly diff?: string;
  readonly limit: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly logLevel: string;
}

export function addReplayVerb(program: Command): void {
  program
    .command('replay')
    .description('Put the datagrams of capture files through a pipeline, or send them to a collector.')
    .argument('<files...>', 'capture files (pcap, pcapng, also .gz), folders of them, or - (standard input)')
    .option('-p, --pipeline <file>', 'the pipeline file (default: the one that came with weir)')
    .addOption(
      new Option('--to <host:port>', 'send them over UDP to this collector, in place of a pipeline')
        .argParser(toHostPort)
        .conflicts(['pipeline', 'offline']),
    )
    .addOption(
      new Option('--times <which>', 'keep the times of the capture, or shift them to now')
        .choices(['original', 'now'])
        .default('original'),
    )
    .addOption(
      new Option(
        '--rate <rate>',
        'datagrams per second, or 5000flows, or original, or max (default: max; with --to: original)',
      ).argParser(toRate),
    )
    .addOption(
      new Option('--speed <factor>', 'so many times as fast as it was captured').argParser(toSpeed).conflicts('rate'),
    )
    .addOption(new Option('--loop [times]', 'again and again, or so often').argParser(toLoops))
    .addOption(exporterOption())
    .option('--offline', 'steps ask nobody on the network: no DNS, no SNMP, no lists')
    .addOption(
      new Option(
        '--diff <other>',
        'write nothing: tell which documents this pipeline file would change, drop or add (exit code 1: some)',
      ).conflicts(['to', 'times', 'rate', 'speed', 'loop']),
    )
    .addOption(new Option('--limit <count>', 'examples that --diff shows').argParser(toLimit).default(5))
    .option('--json', 'of --diff, all of it, as JSON')
    .option('--quiet', 'no progress; warnings and errors only')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      examples(
        'weir replay capture.pcap --pipeline my-pipeline.yml',
        'weir replay capture.pcap --times now --speed 10 --loop',
        'weir replay capture.pcap.gz --to 127.0.0.1:2055 --rate 1000',
        'weir replay capture.pcap --pipeline my-pipeline.yml --diff changed.yml',
      ),
    )
    .action(async (paths: readonly string[], flags: ReplayFlags) => {
      const { to, times, speed, loop, exporter, pipeline, diff, limit, json = false, offline = false } = flags;
      const shared = {
        paths,
        input: process.stdin,
        pipeline,
        exporters: exporter,
        quiet: flags.quiet ?? false,
        logLevel: flags.logLevel,
        writeAside: (text: string) => process.stderr.write(text),
        isTerminal: process.stderr.isTTY === true,
        stopSignal: waitForStopSignal(),
      };
      if (diff !== undefined) {
        const { reportDiff } = await import('../replay/diff-report.ts');
        const { text, isDifferent, stoppedBy } = await reportDiff({
          ...shared,
          ...{ other: diff, maxExamples: limit, json },
          ...{ times: 'original', rate: { unit: 'max' }, loops: 1 },
        });
        await writeLines(text);
        if (isDifferent) process.exitCode = exitCodes.different;
        if (stoppedBy !== undefined) process.exitCode = exitCodeOf[stoppedBy];
        return;
      }
      const { replay } = await import('../replay/replay.ts');
      const { lines, stoppedBy } = await replay({
        ...shared,
        to,
        times,
        rate: flags.rate ?? toDefaultRate(speed, to !== undefined),
        loops: loop === undefined ? 1 : loop === true ? Number.POSITIVE_INFINITY : loop,
        isOffline: offline,
      });
      await writeLines(`${lines.join('\n')}\n`);
      if (stoppedBy !== undefined) process.exitCode = exitCodeOf[stoppedBy];
    });
}

function toDefaultRate(speed: number | undefined, isOverUdp: boolean): Rate {
  return speed !== undefined || isOverUdp ? { unit: 'original', speed: speed ?? 1 } : { unit: 'max' };
}

const maxPerSecond = 10_000_000;

function toRate(text: string): Rate {
  if (text === 'max') return { unit: 'max' };
  if (text === 'original') return { unit: 'original', speed: 1 };
  const match = /^(\d+(?:\.\d+)?)(flows)?(?:\/s)?$/.exec(text);
  const perSecond = Number(match?.[1]);
  if (match === null || perSecond <= 0 || perSecond > maxPerSecond)
    throw new InvalidArgumentError('Expected datagrams per second such as 1000, or 5000flows, original or max.');
  return { unit: match[2] === undefined ? 'datagrams' : 'flows', perSecond };
}

function toSpeed(text: string): number {
  const speed = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (speed >= 0.001 && speed <= 1_000_000) return speed;
  throw new InvalidArgumentError('Expected a factor such as 10, or 0.5 for half as fast.');
}

function toLoops(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 1 on.');
}

function toLimit(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number from 0 to 9999.');
}
