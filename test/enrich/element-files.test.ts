import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDecoder } from '../../src/decode/decoder.ts';
import { createInformationElements } from '../../src/decode/information-elements.ts';
import { type ElementFormat, readElementFile } from '../../src/enrich/element-files.ts';
import { loadFieldMap } from '../../src/enrich/field-map.ts';
import { createDocumentLane, createPipeline } from '../../src/enrich/pipeline.ts';
import { readPipelineFile } from '../../src/enrich/pipeline-file.ts';
import { dataTypes, type ElementDefinition } from '../../src/model/element.ts';
import { WeirError } from '../../src/model/errors.ts';
import type { RecordBatch } from '../../src/model/record-batch.ts';
import { ipfix, ipfixTemplate, set, uint } from '../decode/datagram-builder.ts';

function definitionsOf(text: string, format: ElementFormat): readonly ElementDefinition[] {
  const { definitions, mistakes } = readElementFile(text, format);
  expect(mistakes).toEqual([]);
  return definitions;
}

/** "2:5 unknown key …" */
function mistakesOf(text: string, format: ElementFormat): readonly string[] {
  return readElementFile(text, format).mistakes.map(({ line, column, message }) => `${line}:${column} ${message}`);
}

describe('a file of elements', () => {
  test('gives name and type to numbers of enterprises, of NetFlow v9, and to those that IANA has not assigned', () => {
    const text = `
99999:
  1: { name: site_id, type: unsigned32 }
  2:
    name: siteName
    type: string
netflow9:
  40010: { name: acme_user, type: string }
0:
  20000: { name: acme_mark, type: unsigned8 }
`;
    expect(definitionsOf(text, 'weir')).toEqual([
      { protocol: 'ipfix', enterprise: 99_999, id: 1, name: 'site_id', type: 'unsigned32', replaces: true },
      { protocol: 'ipfix', enterprise: 99_999, id: 2, name: 'siteName', type: 'string', replaces: true },
      { protocol: 'netflow9', enterprise: 0, id: 40_010, name: 'acme_user', type: 'string', replaces: true },
      { protocol: 'ipfix', enterprise: 0, id: 20_000, name: 'acme_mark', type: 'unsigned8', replaces: true },
    ]);
  });

  test.each([
    ['acme: {}', '1:1 expected an enterprise number or "netflow9", 0 to 4294967295, got "acme"'],
    ['- 1', '1:1 expected a mapping from enterprise number, or "netflow9", to elements'],
    ['99999: 7', '1:8 expected a mapping from number to { name, type }'],
    ['1:\n  32768: { name: a, type: string }', '2:3 expected the number of an element, 0 to 32767, got "32768"'],
    ['netflow9:\n  65536: { name: a, type: string }', '2:3 expected the number of an element, 0 to 65535, got "65536"'],
    ['1:\n  5: text', '2:6 expected { name: …, type: … }'],
    ['1:\n  5: { nam: a, type: string }', '2:8 unknown key "nam"; did you mean "name"?'],
    [
      '1:\n  5: { name: a.b, type: string }',
      '2:14 name: expected letters, digits and "_", at most 64, a letter first, got "a.b"',
    ],
    [
      '1:\n  5: { name: a, type: unsigned33 }',
      '2:23 type: expected an abstract data type, got "unsigned33"; did you mean "unsigned32"?',
    ],
    ['1:\n  5: { name: a, type: string }\n  5: { name: b, type: string }', '3:3 the element 5 is here twice'],
    ['0:\n  8: { name: a, type: ipv4Address }', "2:3 the element 8 is IANA’s sourceIPv4Address: it can't be redefined"],
    ['29305: {}', '1:1 the elements of 29305 are those of IANA in the other direction (RFC 5103)'],
  ])('says where it is wrong: %j', (text, expected) => {
    expect(mistakesOf(text, 'weir')).toContain(expected);
  });

  test('tells all mistakes at once', () => {
    const text = '1:\n  5: { name: 7, type: text }\n  x: { name: a, type: string }\nacme: {}';
    expect(mistakesOf(text, 'weir').map((line) => line.split(' ')[0])).toEqual(['2:14', '2:23', '3:3', '4:1']);
  });

  test('that is empty, or has an enterprise without elements, defines nothing', () => {
    expect([definitionsOf('', 'weir'), definitionsOf('# none yet\n', 'weir'), definitionsOf('1:\n', 'weir')]).toEqual([
      [],
      [],
      [],
    ]);
  });
});

describe('a definitions file of Logstash', () => {
  test('for IPFIX has elements by enterprise; Ruby’s symbols are words with a colon', () => {
    const text = `---
0:
  0:
  - :skip
  1:
  - :uint64
  - :octetDeltaCount
99999:
  7: [ :ip4_addr, :acme_peer ]
  8: [:octetarray, :acme_blob]
  9: [ 2, :acme_number ]
`;
    expect(definitionsOf(text, 'logstash-ipfix')).toEqual([
      { protocol: 'ipfix', enterprise: 0, id: 0, name: undefined, type: 'octetArray', replaces: false },
      { protocol: 'ipfix', enterprise: 0, id: 1, name: 'octetDeltaCount', type: 'unsigned64', replaces: false },
      { protocol: 'ipfix', enterprise: 99_999, id: 7, name: 'acme_peer', type: 'ipv4Address', replaces: false },
      { protocol: 'ipfix', enterprise: 99_999, id: 8, name: 'acme_blob', type: 'octetArray', replaces: false },
      { protocol: 'ipfix', enterprise: 99_999, id: 9, name: 'acme_number', type: 'unsigned64', replaces: false },
    ]);
  });

  test('for NetFlow has types alone; a number is a length', () => {
    expect(definitionsOf('1:\n- 4\n- :in_bytes\n40010:\n- :string\n- :acme_user\n', 'logstash-netflow')).toEqual([
      { protocol: 'netflow9', enterprise: 0, id: 1, name: 'in_bytes', type: 'unsigned64', replaces: false },
      { protocol: 'netflow9', enterprise: 0, id: 40_010, name: 'acme_user', type: 'string', replaces: false },
    ]);
  });

  test('takes the last one of a number, as Logstash does', () => {
    const [only, ...more] = definitionsOf('5: [1, :a]\n5: [:string, :b]', 'logstash-netflow');
    expect([only?.name, only?.type, more]).toEqual(['b', 'string', []]);
  });

  test('for IPFIX may have numbers with the enterprise bit, as ElastiFlow’s has', () => {
    const [only, ...more] = definitionsOf('9:\n  45003: [:string, :host]', 'logstash-ipfix');
    expect([only?.enterprise, only?.id, more]).toEqual([9, 12_235, []]);
  });

  test('may have names that no field has: other characters become "_"', () => {
    expect(definitionsOf('5: [1, ":a-b.c d"]', 'logstash-netflow')[0]?.name).toBe('a_b_c_d');
  });

  test.each([
    ['logstash-ipfix', '1: [:uint8, :a]', '1:4 expected a mapping from number to [type, :name]'],
    ['logstash-ipfix', 'acme:\n  1: [:uint8, :a]', '1:1 expected an enterprise number, 0 to 4294967295, got "acme"'],
    ['logstash-netflow', '1: :uint8', '1:4 expected [type, :name] or [:skip]'],
    ['logstash-netflow', '1: [:uint8]', '1:4 expected [type, :name] or [:skip]'],
    ['logstash-netflow', '1: [:uint9, :a]', '1:4 unknown type "uint9"; did you mean "uint8"?'],
    [
      'logstash-netflow',
      '1: [:uint8, :a',
      '1:15 not YAML: Flow sequence in block collection must be sufficiently indented and end with a ]',
    ],
  ] as const)('%s says where it is wrong: %j', (format, text, expected) => {
    expect(mistakesOf(text, format)).toEqual([expected]);
  });
});

describe.each(['weir', 'logstash-ipfix', 'logstash-netflow'] as const)(
  'a file of elements in the format %s',
  (format) => {
    test.each([
      ['lists', '9:\n  1: '.concat('['.repeat(200_000)), /^2:\d+ values lie in each other more than 100 deep$/],
      ['mappings', '{a: '.repeat(50_000), /^1:\d+ values lie in each other more than 100 deep$/],
      ['items', `- ${'- '.repeat(100_000)}`, /^1:\d+ values lie in each other more than 100 deep$/],
      [
        'indented lines',
        Array.from({ length: 700 }, (_, depth) => `${' '.repeat(depth)}a:`).join('\n'),
        /^\d+:\d+ values lie in each other more than 100 deep$/,
      ],
      ['commas', `[${','.repeat(300_000)}]`, /^1:\d+ the file is made of more than 250000 words and signs$/],
      ['lines', '\n'.repeat(60_000), /^\d+:\d+ the file has more than 50000 lines$/],
    ])('is refused with one mistake where its %s have no end', (_what, text, expected) => {
      expect(mistakesOf(text, format)).toEqual([expect.stringMatching(expected)]);
    });
  },
);

test('whatever a file holds, reading it ends in definitions or mistakes with their places', () => {
  const word = fc.constantFrom(
    '1',
    'netflow9',
    '0',
    ':skip',
    ':uint8',
    'name: a',
    '{',
    '}',
    '[',
    ']',
    ': ',
    '\n',
    '  ',
    '- ',
    '&a',
    '*a',
    '"',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word).map((words) => words.join(' ')),
      ),
      fc.constantFrom<ElementFormat>('weir', 'logstash-ipfix', 'logstash-netflow'),
      (text, format) => {
        const { definitions, mistakes } = readElementFile(text, format);
        for (const { line, column } of mistakes) expect(Math.min(line, column)).toBeGreaterThan(0);
        for (const { id, name, type } of definitions) {
          expect(
            id >= 0 && id <= 0xffff && (name === undefined || /^\w*$/.test(name)) && dataTypes.includes(type),
          ).toBe(true);
        }
      },
    ),
    { numRuns: 500 },
  );
});

describe('stored names', () => {
  const storedNames = (definitions: readonly ElementDefinition[]) => loadFieldMap(definitions).storedNames;

  test('of elements that a file defines are the file’s', () => {
    const { ipfix, netflow } = storedNames(
      definitionsOf(
        '99999: { 7: { name: acme_peer, type: ipv4Address } }\nnetflow9: { 40010: { name: who, type: string } }',
        'weir',
      ),
    );
    expect([ipfix.get('99999/7'), netflow.get('v9:40010')]).toEqual(['acme_peer', 'who']);
  });

  test('of a Logstash file serve IANA’s elements, too, under the names that columns have', () => {
    const { ipfix } = storedNames(
      definitionsOf('0: { 1: [:uint64, :bytes_in] }\n29305: { 1: [:uint64, :bytes_back] }', 'logstash-ipfix'),
    );
    expect([ipfix.get('octetDeltaCount'), ipfix.get('reverseOctetDeltaCount')]).toEqual(['bytes_in', 'bytes_back']);
    const { netflow } = storedNames(definitionsOf('1: [4, :bytes_in]', 'logstash-netflow'));
    expect(netflow.get('octetDeltaCount')).toBe('bytes_in');
  });
});

test('what a file defines goes from the wire into documents', async () => {
  const definitions = definitionsOf(
    '99999: { 7: { name: acme_peer, type: ipv4Address }, 8: { name: acme_at, type: dateTimeSeconds } }',
    'weir',
  );
  const decoder = createDecoder({
    onFault: ({ detail }) => expect.unreachable(detail),
    elements: createInformationElements(definitions),
  });
  const fields = [
    { id: 8, length: 4 },
    { enterprise: 99_999, id: 7, length: 4 },
    { enterprise: 99_999, id: 8, length: 4 },
  ];
  const record = Buffer.concat([uint(0x0a00_0001, 4), uint(0xc000_0201, 4), uint(1_700_000_000, 4)]);
  const payload = ipfix([set(2, ipfixTemplate({ id: 256, fields })), set(256, record)]);
  const [rows] = decoder.decode({
    payload,
    exporter: '192.0.2.9',
    exporterPort: 4739,
    receivedAtMs: 1_700_000_000_000,
  });
  expect(rows?.layout.columns.map(({ name }) => name)).toEqual(['sourceIPv4Address', '99999/7', '99999/8']);
  const batch: RecordBatch = {
    id: 'b',
    createdAtMs: 0,
    recordCount: 1,
    byteSize: 0,
    layouts: [rows!.layout],
    sets: [{ layout: 0, header: rows!.header, rows: rows!.rows }],
  };
  const pipeline = createPipeline({ steps: [], fieldMap: loadFieldMap(definitions) });
  const { bytes, ends } = pipeline.toDocuments(batch, createDocumentLane());
  await pipeline.close();
  expect(JSON.parse(bytes.toString('utf8', 0, ends[0])).ipfix).toMatchObject({
    acme_peer: '192.0.2.1',
    acme_at: '2023-11-14T22:13:20.000Z',
  });
});

describe('the section "decode" of a pipeline file', () => {
  let folder: string;
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  const read = (...lines: readonly string[]) =>
    readPipelineFile(['name: flow', 'steps: []', ...lines].join('\n'), {
      path: join(folder, 'flow.yml'),
      environment: {},
      stepDefinitions: [],
    });
  const errorOf = (...lines: readonly string[]): string => {
    try {
      read(...lines);
    } catch (error) {
      if (error instanceof WeirError) return error.message.replaceAll(folder, '');
      throw error;
    }
    throw new Error('the file was accepted');
  };
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'weir-elements-'));
    write('mine.yml', '99999:\n  1: { name: mine, type: string }\n');
    write('ipfix.yaml', '99999:\n  1: [:uint8, :theirs]\n  2: [:uint8, :more]\n');
    write('netflow.yaml', '40010: [:string, :user]\n');
    write('broken.yml', '99999:\n  1: { name: mine }\nacme: {}\n');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('reads the files that lie beside it; one’s own come last and count', () => {
    const { decode } = read(
      'decode: { elements: ./mine.yml, ipfix_definitions: ipfix.yaml, netflow_definitions: ./netflow.yaml }',
    );
    expect(decode.elements.map(({ name }) => name)).toEqual(['theirs', 'more', 'user', 'mine']);
    expect(read().decode.elements).toEqual([]);
  });

  test('names a file that is not there, with the place where it is named', () => {
    expect(errorOf('decode:', '  elements: [ mine.yml, ./theirs.yml ]', '  ipfix_definitions: .')).toBe(
      [
        "/flow.yml:4:25 decode.elements: can't read ./theirs.yml: there is no such file",
        "/flow.yml:5:22 decode.ipfix_definitions: can't read .: it is a folder",
      ].join('\n'),
    );
  });

  test('does not read a device, whose text has no end', () => {
    expect(errorOf('decode: { elements: [ /dev/zero ] }')).toBe(
      "/flow.yml:3:23 decode.elements: can't read /dev/zero: it is no file",
    );
  });

  test('tells the mistakes of all files, each under its own name', () => {
    expect(
      errorOf('decode:', '  elements: [ broken.yml ]', '  element: x')
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ).toEqual(['/flow.yml:5:3']);
    expect(
      errorOf('listen: []', 'decode: { elements: [ broken.yml ] }')
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ).toEqual(['/flow.yml:3:9', '/broken.yml:2:6', '/broken.yml:3:1']);
  });
});
