// The steps of a pipeline file that does what a folder of ElastiFlow did, as lines of YAML with their comments.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readPrefix } from '../enrich/prefix-table.ts';
import { stepCatalog } from '../enrich/step-catalog.ts';
import { readDictionary } from './elastiflow-folder.ts';
import { presets, type Source, type Value, yamlText } from './elastiflow-source.ts';

export async function stepsSection(source: Source): Promise<string[]> {
  const { file, isTrue, setting } = source;
  const city = file('GeoLite2-City.mmdb');
  const asn = file('GeoLite2-ASN.mmdb');
  return [
    'steps:',
    ...(await samplingLines(source)),
    ...stepLines('interfaces', [['file', file('ifName.yml')]]),
    ...applicationLines(source),
    '  # ElastiFlow\'s rule; without "method" weir goes by what it saw, and says so in flow.server_rule.',
    '  - server: { method: elastiflow }',
    '  - services',
    ...(isTrue('GEOIP_LOOKUP')
      ? [database('geoip', city, setting('GEOIP_LOOKUP').comment)]
      : [`  # no geoip: ${setting('GEOIP_LOOKUP').comment}`]),
    ...(isTrue('ASN_LOOKUP')
      ? [database('asn', asn, setting('ASN_LOOKUP').comment)]
      : [`  # no asn: ${setting('ASN_LOOKUP').comment}`]),
    '  - locality',
    ...hostnameLines(source),
    ...reputationLines(source),
    ...(isTrue('OUI_LOOKUP') && stepCatalog.some(({ name }) => name === 'oui')
      ? [`  - oui # ${setting('OUI_LOOKUP').comment}`]
      : []),
  ];
}

function database(step: string, file: Value | undefined, comment: string): string {
  return file === undefined
    ? `  - ${step} # ${comment}; with the database that came with weir`
    : `  - ${step}: { database: ${file.yaml} } # ${file.comment}`;
}

/** A pipeline file has room for so many; what is more needs a subnet, or `override`. */
const maxIntervals = 10_000;

async function samplingLines({ file, folder }: Source): Promise<string[]> {
  const found = file('sampling_interval.yml');
  if (found === undefined) return ['  - sampling'];
  const { entries, wrongLines } = readDictionary(
    await readFile(join(folder.path, folder.files.get('sampling_interval.yml')!), 'utf8'),
  );
  const good = new Map<string, { readonly value: string; readonly line: number }>();
  const bad: number[] = [...wrongLines];
  for (const { key, value, line } of entries) {
    const isInterval = /^\d{1,10}$/.test(value) && Number(value) >= 1 && Number(value) < 2 ** 32;
    if (readPrefix(key) !== undefined && isInterval && good.size < maxIntervals) good.set(key, { value, line });
    else bad.push(line);
  }
  const remarks =
    bad.length === 0
      ? []
      : [
          `  # ${found.comment}: not taken over, line ${bad.slice(0, 20).join(', ')}${bad.length > 20 ? ` and ${bad.length - 20} more` : ''}`,
        ];
  if (good.size === 0) return [...remarks, '  - sampling'];
  return [
    ...remarks,
    '  - sampling:',
    `      default: # ${found.comment}; here it also serves NetFlow v5 and IPFIX`,
    ...[...good].map(([key, { value, line }]) => `        ${yamlText(key)}: ${Number(value)} # line ${line}`),
  ];
}

function applicationLines({ file, setting }: Source): string[] {
  const preset = setting('DEFAULT_APPID_SRCTYPE');
  const isVendor = preset.value !== '__UNKNOWN' && /^\w{1,64}$/.test(preset.value);
  return stepLines('applications', [
    ['servers_file', file('applications.yml')],
    ['file', file('app_id.yml')],
    ['vendor_file', file('app_id.srctype.yml')],
    ['vendor', isVendor ? { yaml: yamlText(preset.value), comment: preset.comment } : undefined],
  ]);
}

function reputationLines({ file }: Source): string[] {
  const list = file('ip_rep_basic.yml');
  if (list === undefined) return [];
  return stepLines('reputation', [
    ['lists', { yaml: `[${list.yaml}]`, comment: list.comment }],
    ['allow_file', file('ip_rep_whitelist.yml')],
  ]);
}

/** Limits of the caches as the step `hostname` has them: entries, or seconds. */
const hostnameLimits = [
  ['found_entries', 'DNS_HIT_CACHE_SIZE', ''],
  ['found_age', 'DNS_HIT_CACHE_TTL', 's'],
  ['failed_entries', 'DNS_FAILED_CACHE_SIZE', ''],
  ['failed_age', 'DNS_FAILED_CACHE_TTL', 's'],
] as const;

function hostnameLines({ setting }: Source): string[] {
  const wanted = setting('RESOLVE_IP2HOST');
  if (/^false$/i.test(wanted.value)) return [`  # no hostname: ${wanted.comment}`];
  const nameServer = setting('NAMESERVER');
  const limits = hostnameLimits.flatMap(([option, name, unit]): [string, Value][] => {
    const { value, comment } = setting(name);
    if (value === presets.get(name) || !/^[1-9]\d{0,8}$/.test(value)) return [];
    return [[option, { yaml: unit === '' ? value : yamlText(value + unit), comment }]];
  });
  return stepLines('hostname', [
    ['of', { yaml: yamlText(/^true$/i.test(wanted.value) ? 'both' : wanted.value), comment: wanted.comment }],
    ['nameserver', { yaml: yamlText(nameServer.value), comment: nameServer.comment }],
    ...limits,
  ]);
}

/** A step with its options, where weir has the step and takes them; else a comment. */
function stepLines(step: string, values: readonly (readonly [string, Value | undefined])[]): string[] {
  const given = values.flatMap(([option, value]) => (value === undefined ? [] : [{ option, ...value }]));
  if (given.length === 0) return [];
  const comment = given.map((value) => value.comment).join('; ');
  const definition = stepCatalog.find(({ name }) => name === step);
  if (definition === undefined) return [`  # no step ${JSON.stringify(step)} in this version of weir: ${comment}`];
  const line = `  - ${step}: { ${given.map(({ option, yaml }) => `${option}: ${yaml}`).join(', ')} } # ${comment}`;
  const options = Object.fromEntries(given.map(({ option, yaml }) => [option, JSON.parse(yaml) as unknown]));
  return definition.options.safeParse(options).success
    ? [line]
    : [`  # the step ${step} does not take this: ${comment}`];
}
