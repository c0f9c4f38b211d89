// The keys of the pipeline file, their types, bounds and defaults. docs/pipelines.md describes each.

import { isIP } from 'node:net';
import { z } from 'zod';
import { collect, listen } from './collect-section.ts';
import { elasticsearch } from './elasticsearch-section.ts';
import { kibana } from './kibana-section.ts';
import { queue } from './queue-section.ts';
import { duration, filePath, oneOrMore, size, textPattern, whole, words } from './setting-types.ts';
import { telemetry } from './telemetry-section.ts';

export const protocols = ['netflow5', 'netflow9', 'ipfix', 'sflow5'] as const;

// Elasticsearch: lower case, none of \ / * ? " < > | space , # :, not - _ + first, at most 255 bytes.
const indexForm = /^(?![-_+.%])(?:[^A-Z\\/*?"<>|\s,#:%]|%\{(?:yyyy|MM|dd|[.\-_])+\})+$/;
const indexName = words('the name of an index')
  .refine((text) => indexForm.test(text) && Buffer.byteLength(text) <= 200, {
    error: 'expected an index name in lower case such as "weir-flow-%{yyyy.MM.dd}" (yyyy, MM, dd)',
  })
  .meta(textPattern(indexForm.source));

const files = z.strictObject({
  directory: filePath('a folder')
    .prefault('./flows')
    .describe('Where NDJSON files are written when there is no Elasticsearch node; from the working directory.'),
  max_bytes: size(1024, 2 ** 40)
    .prefault('256MiB')
    .describe('A file is closed at this size, and every day.'),
});

/** Steps are checked one by one with their own options (pipeline-file.ts). */
const stepItem = z.union([z.string(), z.record(z.string(), z.unknown())], {
  error: 'expected a step: its name, or "name: { options }"',
});

const address = z
  .string({ error: 'expected an IP address' })
  .refine((text) => isIP(text) !== 0, { error: 'expected an IP address' })
  .meta(textPattern('^[0-9.]+$|^[0-9A-Fa-f:.]*:'));

const moment = z
  .string({ error: 'expected a time such as "2026-01-01T00:00:00Z"' })
  .refine((text) => /^\d{4}-\d\d-\d\dT/.test(text) && Number.isFinite(Date.parse(text)), {
    error: 'expected a time such as "2026-01-01T00:00:00Z"',
  });

const maxUnsigned32 = 2 ** 32 - 1;

const fieldMap = (what: string) => z.record(z.string(), z.unknown(), { error: `expected a mapping ${what}` });

const test = z.strictObject({
  name: words('a sentence that says what is tested').describe('A sentence about what must be so.'),
  record: z
    .strictObject(
      {
        protocol: z.enum(protocols).describe('The protocol that the record came by.'),
        exporter: address.describe('The exporter that sent it.'),
        domain: whole(0, maxUnsigned32)
          .optional()
          .describe('Observation domain (source id of NetFlow v9, sub-agent of sFlow).'),
        received_at: moment.optional().describe('When weir received it.'),
        exported_at: moment.optional().describe('The time in its header; like received_at, unless given.'),
        sequence: whole(0, maxUnsigned32).optional().describe('The sequence number in its header.'),
        uptime_ms: whole(0, maxUnsigned32)
          .optional()
          .describe('How long the exporter ran then: what flowStartSysUpTime and flowEndSysUpTime count from.'),
        sampling_interval: whole(0, maxUnsigned32)
          .optional()
          .describe('1 out of N packets, as the header (netflow5) or options records told it.'),
        agent: address.optional().describe('sflow5: the address of the agent in its header.'),
        fields: fieldMap('from information element to value').describe(
          'Information elements by their IANA names, as `weir decode` prints them.',
        ),
      },
      { error: 'expected a mapping with protocol, exporter and fields' },
    )
    .describe('What an exporter sent.'),
  expect: z
    .union(
      [
        z.literal('dropped'),
        z.record(z.string(), z.unknown()),
        z.array(fieldMap('from document field to value')).min(1, { error: 'the list of documents is empty' }),
      ],
      { error: 'expected a mapping from document field to value, a list of them, or the word "dropped"' },
    )
    .describe(
      'The values at these paths of the document; null: absent. A list: one mapping for each document that the record becomes (step split). dropped: a step drops the flow.',
    ),
});

export const pipelineSchema = z.strictObject(
  {
    name: words('a name')
      .refine((text) => /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(text), {
        error: 'expected a name of letters, digits, ".", "_" and "-", at most 64',
      })
      .describe('Names the pipeline.'),
    listen,
    collect,
    decode: z
      .strictObject({
        elements: oneOrMore(filePath('the path of a YAML file'), 'the path of a YAML file')
          .prefault([])
          .describe('YAML files with information elements of your own.'),
        ipfix_definitions: filePath('the path of a YAML file')
          .optional()
          .describe('Definitions file of Logstash’s netflow codec, as it is.'),
        netflow_definitions: filePath('the path of a YAML file')
          .optional()
          .describe('Definitions file of Logstash’s netflow codec, as it is.'),
        tunnels: z
          .enum(['outer', 'inner'])
          .prefault('outer')
          .describe('Sampled packets in tunnels: the flow of the tunnel itself, or of the packet inside.'),
      })
      .prefault({})
      .describe('How records are read.'),
    batch: z
      .strictObject({
        records: whole(1, 100_000).prefault(2000).describe('A batch closes at so many records, …'),
        bytes: size(1024, 64 * 2 ** 20)
          .prefault('1MiB')
          .describe('… or at this size, …'),
        age: duration(1, 60_000)
          .prefault('200ms')
          .describe('… or at this age: so long a flow waits at most before it is enriched.'),
      })
      .prefault({})
      .describe('Records are enriched and indexed in batches.'),
    queue,
    state: filePath('a folder')
      .prefault('./state')
      .describe('Where templates and unfinished batches survive a restart; from the working directory.'),
    telemetry,
    steps: z
      .array(stepItem, { error: 'expected the list of steps, such as "- sampling: {}"' })
      .describe('What happens to each flow, in this order.'),
    index: z
      .strictObject({
        name: indexName
          .prefault('weir-flow-%{yyyy.MM.dd}')
          .describe('Index of a document, by its own time in UTC; also names the files.'),
        elasticsearch: elasticsearch.optional().describe('An Elasticsearch 7 that takes the documents.'),
        files: files.prefault({}).describe('NDJSON files that take the documents when no Elasticsearch is named.'),
      })
      .prefault({})
      .describe('Where documents go.'),
    kibana: kibana.optional().describe('Where the dashboards are imported. Absent: nowhere.'),
    tests: z
      .array(test, { error: 'expected a list of tests' })
      .prefault([])
      .describe('Records and the documents that they must become; `weir check` runs them.'),
  },
  { error: 'expected a mapping with the keys name, steps, …' },
);

export type PipelineConfig = z.output<typeof pipelineSchema>;
