// `weir import elastiflow DIR`: a folder of ElastiFlow → a pipeline file, with comments that say where each line came from
// and what has no counterpart. The tables: elastiflow-settings.ts, docs/migrating.md.

import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readPrefix } from '../enrich/prefix-table.ts';
import { fromBytes } from '../enrich/quantities.ts';
import { WeirError } from '../model/errors.ts';
import { type ElastiflowFolder, readElastiflowFolder } from './elastiflow-folder.ts';
import { elastiflowFiles, elastiflowVariables } from './elastiflow-settings.ts';
import { createSource, onOneLine, type Source, yamlText } from './elastiflow-source.ts';
import { stepsSection } from './elastiflow-steps.ts';

export interface ImportOptions {
  /** The pipeline file to write; it must not be there yet. Undefined: the text is returned, for the working directory. */
  readonly output: string | undefined;
}

/** The text of the pipeline file, or one line that says where it was written. Throws WeirError. */
export async function importElastiflow(directory: string, { output }: ImportOptions): Promise<string> {
  const folder = await readElastiflowFolder(directory);
  const text = await toPipelineText(folder, output === undefined ? '.' : dirname(output));
  if (output === undefined) return text;
  try {
    await writeFile(output, text, { flag: 'wx' });
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    const isThere = code === 'EEXIST';
    throw new WeirError('folder-unwritable', `can't write ${output}: ${isThere ? 'the file is there already' : code}`, {
      hint: isThere ? 'Name another file, or remove it first.' : 'Name a file in a folder that you may write to.',
      cause,
    });
  }
  return `${output} written; read its comments, then: weir check ${output}\n`;
}

/** `from`: the folder of the pipeline file, which paths in it start from. */
async function toPipelineText(folder: ElastiflowFolder, from: string): Promise<string> {
  const source = createSource(folder, from);
  const sections = [
    listenSection(source),
    collectSection(source),
    decodeSection(source),
    await stepsSection(source),
    indexSection(source),
  ];
  const lines = sections.flatMap((section) => (section.length === 0 ? [] : ['', ...section]));
  return `${[
    `# Made by weir import elastiflow ${folder.path}`,
    '# Each line says where it came from. What weir does otherwise stands at the end; all of it: docs/migrating.md',
    'name: elastiflow',
    ...lines,
    '',
    ...restLines(source, lines.join('\n')),
  ].join('\n')}\n`;
}

interface Input {
  readonly name: string;
  readonly scheme: 'udp' | 'tcp';
  /** The file in conf.d that switches the input on; with `.disabled` behind it, off. */
  readonly file: string;
  readonly isPreset: boolean;
}

const inputs: readonly Input[] = [
  { name: 'NETFLOW_IPV4', scheme: 'udp', file: '10_input_netflow_ipv4.logstash.conf', isPreset: true },
  { name: 'NETFLOW_IPV6', scheme: 'udp', file: '10_input_netflow_ipv6.logstash.conf', isPreset: false },
  { name: 'IPFIX_UDP_IPV4', scheme: 'udp', file: '10_input_ipfix_ipv4.logstash.conf', isPreset: true },
  { name: 'IPFIX_TCP_IPV4', scheme: 'tcp', file: '10_input_ipfix_ipv4.logstash.conf', isPreset: true },
  { name: 'IPFIX_UDP_IPV6', scheme: 'udp', file: '10_input_ipfix_ipv6.logstash.conf', isPreset: false },
  { name: 'IPFIX_TCP_IPV6', scheme: 'tcp', file: '10_input_ipfix_ipv6.logstash.conf', isPreset: false },
  { name: 'SFLOW_IPV4', scheme: 'udp', file: '10_input_sflow_ipv4.logstash.conf', isPreset: true },
  { name: 'SFLOW_IPV6', scheme: 'udp', file: '10_input_sflow_ipv6.logstash.conf', isPreset: false },
];

function isOn({ folder: { files } }: Source, file: string, preset: boolean): boolean {
  return files.has(file) || (preset && !files.has(`${file}.disabled`));
}

function listenSection(source: Source): string[] {
  const lines: string[] = [];
  const seen = new Set<string>();
  for (const { name, scheme, file, isPreset } of inputs) {
    if (!isOn(source, file, isPreset)) continue;
    const host = source.setting(`${name}_HOST`);
    const port = source.setting(`${name}_PORT`);
    const bare = host.value.replace(/^\[(.*)\]$/, '$1');
    if (
      readPrefix(bare) === undefined ||
      bare.includes('/') ||
      !/^\d{1,5}$/.test(port.value) ||
      Number(port.value) > 65_535
    ) {
      lines.push(
        `  # ${name}: ${onOneLine(`${host.value} port ${port.value}`)} is no address and port (${port.comment})`,
      );
      continue;
    }
    const url = `${scheme}://${bare.includes(':') ? `[${bare}]` : bare}:${Number(port.value)}`;
    if (!seen.has(url)) lines.push(`  - ${yamlText(url)} # ${host.comment}; ${port.comment}`);
    seen.add(url);
  }
  return seen.size === 0
    ? ['# All inputs are switched off: weir listens where it does by default.', ...lines]
    : ['listen:', ...lines];
}

/** Bounds of `collect.receive_buffer`. */
const minReceiveBuffer = 65_536;
const maxReceiveBuffer = 2 ** 30;

function collectSection({ setting }: Source): string[] {
  const largest = ['NETFLOW', 'IPFIX', 'SFLOW']
    .map((input) => setting(`${input}_UDP_RCV_BUFF`))
    .filter(({ value }) => /^\d{1,15}$/.test(value))
    .toSorted((a, b) => Number(b.value) - Number(a.value))[0];
  if (largest === undefined) return [];
  const bytes = Math.min(Math.max(Number(largest.value), minReceiveBuffer), maxReceiveBuffer);
  return ['collect:', `  receive_buffer: ${yamlText(fromBytes(bytes))} # ${largest.comment}`];
}

function decodeSection({ file }: Source): string[] {
  const lines: string[] = [];
  const ipfix = file('ipfix.yml');
  const netflow = file('netflow.yml') ?? file('netflow_riverbed.yml');
  if (ipfix !== undefined) lines.push(`  ipfix_definitions: ${ipfix.yaml} # ${ipfix.comment}`);
  if (netflow !== undefined) lines.push(`  netflow_definitions: ${netflow.yaml} # ${netflow.comment}`);
  return lines.length === 0
    ? []
    : ['# weir knows the elements of these files; they matter where you have added your own.', 'decode:', ...lines];
}

function indexSection(source: Source): string[] {
  const { setting, isTrue } = source;
  const names = isOn(source, '30_output_20_multi.logstash.conf', false)
    ? ['ES_HOST_1', 'ES_HOST_2', 'ES_HOST_3']
    : ['ES_HOST'];
  const scheme = isTrue('ES_SSL_ENABLE') ? 'https' : 'http';
  const nodes = names.flatMap((name) => {
    const { value, comment } = setting(name);
    return value
      .split(',')
      .map((host) => host.trim().replaceAll(/^["'[]+|["'\]]+$/g, ''))
      .filter((host) => host !== '')
      .map((host) => ({ url: /^https?:\/\//.test(host) ? host : `${scheme}://${host}`, comment }));
  });
  const wrong = nodes.filter(({ url }) => !URL.canParse(url));
  const good = nodes.filter(({ url }) => URL.canParse(url));
  return [
    '# Kibana: the index pattern of ElastiFlow’s dashboards must match this name; add an alias, or another pattern.',
    'index:',
    '  name: weir-flow-%{yyyy.MM.dd}',
    '  elasticsearch:',
    ...wrong.map(({ url, comment }) => `    # no URL: ${onOneLine(url)} (${comment})`),
    ...(good.length === 0
      ? ['    nodes: []']
      : ['    nodes:', ...good.map(({ url, comment }) => `      - ${yamlText(url)} # ${comment}`)]),
    `    # Secrets are not copied: set both variables in weir's environment. They were in ${onOneLine(
      source.folder.settings.get('ES_PASSWD')?.place ?? 'no file: elastic and changeme by default',
    )}`,
    `    username: "\${ELASTIFLOW_ES_USER:}"`,
    `    password: "\${ELASTIFLOW_ES_PASSWD:}"`,
    ...(isTrue('ES_SSL_ENABLE')
      ? ['    # Certificates are always checked. Where an authority of your own signed it:', '    # ca_file: ca.pem']
      : []),
  ];
}

/** What was set or lies in the folder, and is not named by the lines above. */
function restLines({ folder: { settings, overridden, files, otherFiles } }: Source, above: string): string[] {
  const nothing = /^nothing: /;
  const known = new Map(elastiflowVariables.map((variable) => [variable.name, variable]));
  const named = new Set([...above.matchAll(/ELASTIFLOW_(\w+), /g)].map(([, name]) => name));
  const without: string[] = [];
  const idle: string[] = [];
  for (const [name, { value, place }] of settings) {
    const row = known.get(name);
    const at = `(${onOneLine(place)})`;
    if (row === undefined) without.push(`#   ELASTIFLOW_${name} ${at}: weir does not know this variable`);
    else if (nothing.test(row.becomes))
      without.push(`#   ELASTIFLOW_${name}=${onOneLine(value)} ${at}: ${row.becomes.replace(nothing, '')}`);
    // Without its value: it may be a secret.
    else if (!named.has(name)) idle.push(`#   ELASTIFLOW_${name} ${at}: ${row.becomes}`);
  }
  for (const { name, becomes } of elastiflowFiles) {
    const path = files.get(name);
    if (path === undefined) continue;
    const shown = onOneLine(path);
    if (nothing.test(becomes)) without.push(`#   ${shown}: ${becomes.replace(nothing, '')}`);
    else if (!above.includes(shown)) idle.push(`#   ${shown}: ${becomes}`);
  }
  const ofElastiflow = new Set(elastiflowFiles.map(({ name }) => name));
  const twice = otherFiles.filter((path) => ofElastiflow.has(path.split('/').at(-1) ?? ''));
  return [
    ...(overridden.length === 0
      ? []
      : [
          '# Set more than once; the last file in order of names counts. Not taken:',
          ...overridden.map(({ name, place }) => `#   ELASTIFLOW_${name}, ${onOneLine(place)}`),
        ]),
    ...(twice.length === 0
      ? []
      : [
          '# In more than one folder; the first in order of names counts. Not taken:',
          ...twice.map((path) => `#   ${onOneLine(path)}`),
        ]),
    ...(idle.length === 0
      ? []
      : [
          '# Not used here: the default, or of something that is off, or another one counts. What it becomes else:',
          ...idle,
        ]),
    '# Without a counterpart:',
    ...(without.length === 0 ? ['#   nothing'] : without),
  ];
}
