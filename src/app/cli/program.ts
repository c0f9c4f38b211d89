// The verbs of the command line and their options. A verb loads its module when it is called: --help and start-up stay fast.

import { Command, InvalidArgumentError, Option } from 'commander';
import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import { maxWorkers } from '../../enrich/worker-limit.ts';
import { readEnvironment } from '../config.ts';
import { exitCodeOf, type StopSignal, waitForReloadSignals, waitForStopSignal } from '../lifecycle.ts';
import type { RunOptions } from '../run.ts';
import { readVersion } from '../version.ts';
import { addCaptureVerb } from './capture-verb.ts';
import { addDeadLetterVerbs } from './dead-letter-verbs.ts';
import { addDoctorVerb } from './doctor-verb.ts';
import { exitCodes, toFailure } from './failure.ts';
import { addIndexVerbs } from './index-verbs.ts';
import { addLedgerVerb } from './ledger-verb.ts';
import { addQueueVerbs } from './queue-verbs.ts';
import { addReplayVerb } from './replay-verb.ts';
import { examples, logLevelOption, pipelineArgument } from './shared-options.ts';
import { addTeeVerb } from './tee-verb.ts';

export interface ProgramOptions {
  /** Milliseconds since 1970. */
  readonly startedAtMs: number;
  /** Called before a verb does its work. */
  readonly onVerb: (name: string, isDebug: boolean) => void;
}

interface RunFlags {
  readonly quiet?: boolean;
  readonly watch?: boolean;
  readonly logLevel: string;
  readonly workers?: number | 'auto';
}

interface GeoipUpdateFlags {
  readonly city?: boolean;
  readonly licenseKey?: string;
  readonly directory: string;
  readonly from?: string;
}

export function createProgram({ startedAtMs, onVerb }: ProgramOptions): Command {
  const program = new Command('weir')
    .description(
      'Receives NetFlow v5/v9, IPFIX and sFlow, and writes enriched documents into files or Elasticsearch 7.',
    )
    .version(readVersion(), '--version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      '\nStart here:\n  $ weir demo          see it work, without a router\n  $ weir run           then point your router at UDP port 2055\n  $ weir run --help    every verb has its own help',
    );

  /** Signals are heeded from here on, also while the pipeline file is read. */
  async function start(
    file: string | undefined,
    { quiet = false, watch = false, logLevel, workers }: RunFlags,
    what: Pick<RunOptions, 'part' | 'demo'>,
  ): Promise<void> {
    const stopSignal = waitForStopSignal();
    const onRequest = waitForReloadSignals();
    const { run } = await import('../run.ts');
    const { loadPipelineFile } = await import('../pipeline-source.ts');
    const load = async () => withWorkers(await loadPipelineFile(file), workers);
    const reload = { load, watch, onRequest };
    await run({ ...what, pipelineFile: await load(), quiet, logLevel, reload, stopSignal, startedAtMs });
  }

  program
    .command('run')
    .description('Receive flows and index them, until SIGTERM or SIGINT (Ctrl-C); a second signal ends at once.')
    .addArgument(pipelineArgument())
    .option('--quiet', 'no status line; warnings and errors only')
    .option('--watch', 'take over the pipeline file when it changes, if it is right (SIGHUP does it once)')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      examples(
        'weir run',
        'weir run my-pipeline.yml --watch',
        'weir run my-pipeline.yml --log-level debug',
        'ELASTICSEARCH_URL=http://localhost:9200 weir run',
      ),
    )
    .action(async (file: string | undefined, flags: RunFlags) => {
      await start(file, flags, { part: 'all' });
    });

  for (const [part, description] of parts) {
    const verb = program
      .command(part)
      .description(description)
      .addArgument(pipelineArgument())
      .option('--quiet', 'no status line; warnings and errors only')
      .option('--watch', 'take over the pipeline file when it changes, if it is right (SIGHUP does it once)')
      .addOption(logLevelOption())
      .addHelpText('after', examples(`REDIS_URL=redis://localhost:6379 weir ${part} my-pipeline.yml`))
      .action(async (file: string | undefined, flags: RunFlags) => {
        await start(file, flags, { part });
      });
    if (part === 'listen') {
      verb.addOption(
        new Option('--workers <n>', 'processes that decode, in place of collect.workers: a number, or auto').argParser(
          toWorkers,
        ),
      );
    }
  }

  program
    .command('listen-worker', { hidden: true })
    .description('One of the processes that weir listen --workers starts.')
    .action(async () => {
      const { runWorker } = await import('../workers/worker-main.ts');
      await runWorker();
    });

  program
    .command('healthcheck')
    .description(
      'Ask the weir that runs with this pipeline file on this machine whether it is ready. Exit code 0: it is.',
    )
    .addArgument(pipelineArgument())
    .option('--live', 'only whether it is alive: the process answers')
    .addOption(logLevelOption())
    .addHelpText('after', examples('weir healthcheck', 'weir healthcheck my-pipeline.yml --live'))
    .action(async (file: string | undefined, { live = false }: { readonly live?: boolean }) => {
      const { loadPipelineFile } = await import('../pipeline-source.ts');
      const { checkHealth } = await import('../healthcheck.ts');
      const { isGood, line } = await checkHealth(await loadPipelineFile(file), live ? 'livez' : 'readyz');
      process.stdout.write(`${line}\n`);
      if (!isGood) process.exitCode = exitCodes.unhealthy;
    });

  program
    .command('check')
    .description('Check a pipeline file and run the tests in it. Opens nothing on the network, unless with --connect.')
    .addArgument(pipelineArgument())
    .option('--connect', 'also try the ports to listen on, and Elasticsearch: is it there, does it take our user?')
    .option('--print', 'print the file as it counts: with variables, included files and defaults; secrets are masked')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      examples(
        'weir check',
        'weir check my-pipeline.yml',
        'weir check --connect',
        'weir check --print my-pipeline.yml',
      ),
    )
    .action(async (file: string | undefined, flags: { readonly connect?: boolean; readonly print?: boolean }) => {
      const { check } = await import('../check.ts');
      process.stdout.write(`${await check(file, flags)}\n`);
    });

  program
    .command('steps')
    .description('List the steps that a pipeline file may name; with NAME, its options, fields and examples.')
    .argument('[name]', 'a step')
    .option('--json', 'as JSON, options as JSON Schema')
    .addOption(logLevelOption())
    .addHelpText('after', examples('weir steps', 'weir steps sampling', 'weir steps --json'))
    .action(async (name: string | undefined, { json = false }: { readonly json?: boolean }) => {
      const { describeSteps } = await import('../describe-steps.ts');
      const { createLineOutput } = await import('../line-output.ts');
      await createLineOutput(process.stdout).write(describeSteps(name, { json }));
    });

  program
    .command('demo')
    .description('Like run, with simulated routers that send real flows to it: life in a minute, without a router.')
    .addArgument(pipelineArgument())
    .addOption(new Option('--rate <flows>', 'flows per second').default(500).argParser(toRate))
    .option('--quiet', 'no status line; warnings and errors only')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      examples('weir demo', 'weir demo --rate 5000', 'ELASTICSEARCH_URL=http://localhost:9200 weir demo'),
    )
    .action(async (file: string | undefined, flags: RunFlags & { readonly rate: number }) => {
      await start(file, flags, { part: 'all', demo: { rate: flags.rate } });
    });

  program
    .command('decode')
    .description('Print the records in a capture file (pcap or pcapng) as JSON, one a line. Faults go to stderr.')
    .argument('<file>', 'the capture file, a folder (all captures in it, in name order), or - (standard input)')
    .option('--explain', 'for each record, in place of JSON: where each field stands, its element and its bytes')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      examples(
        'weir decode capture.pcap',
        'weir decode capture.pcapng | grep \'"netflow9"\'',
        'weir decode --explain capture.pcap | less',
        'tcpdump -w - udp port 2055 | weir decode -',
      ),
    )
    .action(async (file: string, { explain = false }: { readonly explain?: boolean }) => {
      const { decodeFile } = await import('../decode-file.ts');
      const { createLineOutput } = await import('../line-output.ts');
      const { write } = createLineOutput(process.stdout);
      const { write: writeFault } = createLineOutput(process.stderr);
      // Where records scroll by on the same terminal, they are the progress.
      const isWatched = process.stderr.isTTY === true && process.stdout.isTTY !== true;
      const progress = isWatched ? await createStderrProgress() : undefined;
      await decodeFile(file, {
        write,
        writeFault,
        explain,
        ...(file === '-' && { input: process.stdin }),
        ...(progress && { progress }),
      });
    });

  addCaptureVerb(program);
  addReplayVerb(program);
  addTeeVerb(program);

  program
    .command('templates')
    .description('List the templates that weir knows of each exporter, and what options records taught it.')
    .addArgument(pipelineArgument())
    .option('--json', 'all of it, as JSON')
    .addOption(logLevelOption())
    .addHelpText('after', examples('weir templates', 'weir templates my-pipeline.yml --json'))
    .action(async (file: string | undefined, { json = false }: { readonly json?: boolean }) => {
      const { describeTemplates } = await import('../templates.ts');
      const { createLineOutput } = await import('../line-output.ts');
      await createLineOutput(process.stdout).write(await describeTemplates(file, { json }));
    });

  addDeadLetterVerbs(
    program.command('dead-letters').description('Documents that Elasticsearch refused: list, show, retry, purge.'),
  );
  addIndexVerbs(program);
  addLedgerVerb(program);
  addDoctorVerb(program);
  addQueueVerbs(program.command('queue').description('Show the queue on Redis, and what is in quarantine there.'));

  const importVerb = program
    .command('import')
    .description('Make a pipeline file of the settings of another program.')
    .addHelpText('after', examples('weir import elastiflow /etc/logstash/elastiflow --output my-pipeline.yml'));
  importVerb
    .command('elastiflow')
    .description('Make a pipeline file of an installation of ElastiFlow 3.5 or 4.0: its variables and dictionaries.')
    .argument(
      '<folder>',
      'a folder with its files, at any depth: elastiflow.conf, .env or docker-compose.yml; dictionaries',
    )
    .option('-o, --output <file>', 'the pipeline file to write (default: standard output, for the working directory)')
    .addOption(logLevelOption())
    .addHelpText(
      'after',
      examples(
        'weir import elastiflow /etc/logstash/elastiflow --output my-pipeline.yml',
        'weir import elastiflow ~/elastiflow | less',
      ),
    )
    .action(async (folder: string, { output }: { readonly output?: string }) => {
      const { importElastiflow } = await import('../import-elastiflow.ts');
      process.stdout.write(await importElastiflow(folder, { output }));
    });

  program
    .command('geoip')
    .description('Databases of places and autonomous systems.')
    .helpCommand(false)
    .command('update')
    .description(
      'Download newer databases: DB-IP Lite, or GeoLite2 with a licence key. A running weir takes them over.',
    )
    .option('--city', 'places down to the city (60 to 130 MB), not the country only')
    .option(
      '--license-key <key>',
      'of a MaxMind account: GeoLite2 in place of DB-IP Lite; better as $MAXMIND_LICENSE_KEY',
    )
    .option('--directory <folder>', 'where they are kept: country.mmdb or city.mmdb, and asn.mmdb', './databases')
    .option('--from <url>', 'another server with the same paths, such as a mirror of your own')
    .addOption(logLevelOption())
    .addHelpText('after', examples('weir geoip update', 'weir geoip update --city --directory /var/lib/weir'))
    .action(async (flags: GeoipUpdateFlags) => {
      const { updateDatabases } = await import('../geoip/update.ts');
      const progress = process.stderr.isTTY === true ? await createStderrProgress() : undefined;
      const { city = false, directory, from } = flags;
      // What stands in a command is seen by all users of the machine.
      const licenseKey = flags.licenseKey ?? (readEnvironment()['MAXMIND_LICENSE_KEY'] || undefined);
      const stopping = new AbortController();
      let stoppedBy: StopSignal | undefined;
      void waitForStopSignal().then((signal) => {
        stoppedBy = signal;
        stopping.abort();
      });
      const lines = await updateDatabases({
        city,
        directory,
        nowMs: Date.now(),
        signal: stopping.signal,
        ...(licenseKey !== undefined && { licenseKey }),
        ...(from !== undefined && { from }),
        ...(progress && { progress }),
      }).catch((error: unknown) => {
        if (stoppedBy === undefined) throw error;
        process.stderr.write(toFailure(error, { debug: false, help: '' }).text);
        process.exitCode = exitCodeOf[stoppedBy];
        return [];
      });
      if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
    });

  program.hook('preAction', (_, verb) => onVerb(verb.name(), verb.opts<Partial<RunFlags>>().logLevel === 'debug'));
  return program;
}

const parts = [
  ['listen', 'Receive flows and put them on the queue in Redis; any number of processes, on any number of machines.'],
  ['work', 'Take flows from the queue in Redis and index them; any number of processes, on any number of machines.'],
] as const;

async function createStderrProgress() {
  const { createProgress } = await import('../progress.ts');
  return createProgress({ write: (text) => process.stderr.write(text), now: () => performance.now() });
}

function toWorkers(text: string): number | 'auto' {
  if (text === 'auto') return text;
  const workers = /^\d+$/.test(text) ? Number(text) : 0;
  if (workers >= 1 && workers <= maxWorkers) return workers;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${maxWorkers}, or auto.`);
}

function withWorkers(file: PipelineFile, workers: number | 'auto' | undefined): PipelineFile {
  return workers === undefined ? file : { ...file, collect: { ...file.collect, workers } };
}

/** A million a second is more than one process decodes. */
const maxRate = 1_000_000;

function toRate(text: string): number {
  const rate = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (rate > 0 && rate <= maxRate) return rate;
  throw new InvalidArgumentError(`Expected flows per second, more than 0 and at most ${maxRate}.`);
}
