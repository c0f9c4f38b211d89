// Lists of users, line by line: the good lines are used, the wrong ones are named.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCsvRows } from '../../src/enrich/csv-rows.ts';
import { logMistakes } from '../../src/enrich/data-file.ts';
import { readFlatEntries } from '../../src/enrich/flat-entries.ts';
import { createNumberNames } from '../../src/enrich/number-names.ts';
import { atOnce } from '../../src/enrich/slices.ts';
import { readInterfaceNames } from '../../src/enrich/steps/interfaces.ts';
import { readVlanNames } from '../../src/enrich/steps/vlan-names.ts';
import { createLogger } from '../../src/telemetry/logger.ts';

describe('key: value lines', () => {
  const pairsOf = (text: string) =>
    atOnce(readFlatEntries(text)).entries.map(({ group, key, value }) => [group, key, value]);

  test.each([
    ['"192.0.2.11::ifName.2": "eth0"', '192.0.2.11::ifName.2', 'eth0'],
    ["'it''s': 'a ''name'''", "it's", "a 'name'"],
    ['2001:db8::1: botnet # since May', '2001:db8::1', 'botnet'],
    ['"a": "b # c" # d', 'a', 'b # c'],
    ['192.0.2.2:9092: kafka', '192.0.2.2:9092', 'kafka'],
    ['"tab\\t": x', 'tab\t', 'x'],
    ['a: ""', 'a', ''],
    ['- 10.0.0.0/8 # ours', '10.0.0.0/8', ''],
  ])('%s', (line, key, value) => {
    expect(pairsOf(line)).toEqual([[undefined, key, value]]);
  });

  test('indented lines belong to the key above them', () => {
    const text = '---\n# names\n192.0.2.1:\n  1: wan\n  2: lan\n\n192.0.2.2:\r\n  1: dmz\r\nlast: x\n';
    expect(pairsOf(text)).toEqual([
      ['192.0.2.1', '1', 'wan'],
      ['192.0.2.1', '2', 'lan'],
      ['192.0.2.2', '1', 'dmz'],
      [undefined, 'last', 'x'],
    ]);
    expect(atOnce(readFlatEntries(text)).mistakes).toEqual([]);
  });

  test('a wrong line costs itself', () => {
    const { entries, mistakes } = atOnce(readFlatEntries(`a: b\nno colon\nc: d\n${'x'.repeat(5000)}: y\n`));
    expect(entries.map(({ key, line }) => [key, line])).toEqual([
      ['a', 1],
      ['c', 3],
    ]);
    expect(mistakes.map(({ line }) => line)).toEqual([2, 4]);
    expect(mistakes[0]?.message).toContain('"no colon"');
  });

  test('whatever comes in, reading ends, and each line is an entry, a mistake, or nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const { entries, mistakes } = atOnce(readFlatEntries(text));
        expect(entries.length + mistakes.length).toBeLessThanOrEqual(text.split('\n').length);
      }),
    );
  });
});

describe('CSV', () => {
  const rowsOf = (text: string) => atOnce(readCsvRows(text)).entries.map(({ fields }) => fields);

  test('fields in quotes, comments, and other separators', () => {
    expect(rowsOf('#c\na,"b,""c""",d\r\n\n1,2,\n')).toEqual([
      ['a', 'b,"c"', 'd'],
      ['1', '2', ''],
    ]);
    expect(rowsOf('a;b\n1;2,5')).toEqual([
      ['a', 'b'],
      ['1', '2,5'],
    ]);
    expect(rowsOf('a\tb')).toEqual([['a', 'b']]);
  });

  test('what was written as a CSV field is read as it was', () => {
    const field = fc.string({ unit: fc.constantFrom(...'ab,;"\t '), maxLength: 8 }).map((text) => text.trim());
    fc.assert(
      fc.property(fc.array(field, { minLength: 2, maxLength: 5 }), (fields) => {
        const line = fields.map((text) => `"${text.replaceAll('"', '""')}"`).join(',');
        expect(rowsOf(`h1,h2\n${line}`)[1]).toEqual(fields);
      }),
    );
  });

  test('a quote that is not closed is named', () => {
    expect(atOnce(readCsvRows('a,b\n"c,d\ne,f')).mistakes).toEqual([
      { line: 2, message: expect.stringContaining('quote') },
    ]);
  });
});

describe('names of interfaces and VLANs', () => {
  test('ElastiFlow’s ifName.yml', () => {
    const { entries, mistakes } = atOnce(
      readInterfaceNames(
        '"192.0.2.11::ifName.2": "eth0"\n"2001:db8::1::ifName.7": "xe-0/0/7"\n"192.0.2.11::ifName.x": "bad"\n"3": "alone"\n',
        'ifName.yml',
      ),
    );
    expect(entries).toEqual([
      { exporter: '192.0.2.11', number: 2, name: 'eth0' },
      { exporter: '2001:db8::1', number: 7, name: 'xe-0/0/7' },
    ]);
    expect(mistakes.map(({ line }) => line)).toEqual([3, 4]);
  });

  test('CSV with a header', () => {
    const { entries, mistakes } = atOnce(
      readInterfaceNames('exporter,ifIndex,name\n192.0.2.1,2,eth0\n192.0.2.x,2,eth0', 'a.csv'),
    );
    expect(entries).toEqual([{ exporter: '192.0.2.1', number: 2, name: 'eth0' }]);
    expect(mistakes).toEqual([{ line: 3, message: expect.stringContaining('"192.0.2.x"') }]);
  });

  test('a VLAN beyond 4095 and a name with control characters are wrong', () => {
    const { entries, mistakes } = atOnce(readVlanNames('10: office\n4096: no\n11: "a\\u0007b"\n12: lab', 'vlans.yml'));
    expect(entries.map(({ number }) => number)).toEqual([10, 12]);
    expect(mistakes.map(({ line }) => line)).toEqual([2, 3]);
  });

  test('the longest prefix counts, then what is for all', () => {
    const names = atOnce(
      createNumberNames([
        { exporter: undefined, number: 1, name: 'all' },
        { exporter: '10.0.0.0/8', number: 2, name: 'ten' },
        { exporter: '10.1.0.0/16', number: 2, name: 'ten-one' },
      ]),
    );
    expect(names.lookup('10.1.2.3', 2)).toBe('ten-one');
    expect(names.lookup('10.2.2.3', 2)).toBe('ten');
    expect(names.lookup('10.1.2.3', 1)).toBe('all');
    expect(names.lookup('192.0.2.1', 2)).toBeUndefined();
  });
});

test('the log names the first wrong lines and counts the rest', () => {
  const lines: string[] = [];
  const logger = createLogger({ write: (line) => lines.push((JSON.parse(line) as { msg: string }).msg) });
  const mistakes = Array.from({ length: 40 }, (_, index) => ({ line: index + 1, message: 'is wrong' }));
  logMistakes(logger, 'list.txt', mistakes);
  expect(lines).toHaveLength(11);
  expect(lines[0]).toBe('list.txt:1 is wrong');
  expect(lines[10]).toContain('40 lines');
});
