// Files in which users define information elements: ours, and the definitions files of Logstash's netflow codec, as they are.
// YAML text → definitions for decode (types) and for the field map (names). docs/add-a-vendor.md shows both formats.

import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { type DataType, dataTypes, type ElementDefinition } from '../model/element.ts';
import { didYouMean } from './did-you-mean.ts';
import type { Mistake } from './pipeline-yaml.ts';
import { readTsv } from './protocol-names.ts';
import { yamlExcess } from './yaml-limits.ts';

export type ElementFormat = 'weir' | 'logstash-ipfix' | 'logstash-netflow';

export interface ElementFile {
  readonly definitions: readonly ElementDefinition[];
  readonly mistakes: readonly Mistake[];
}

/** IPFIX has 15 bits for the number (the 16th says "enterprise"), NetFlow v9 has all. */
const maxIpfixId = 0x7fff;
const maxNetflow9Type = 0xffff;
const maxEnterprise = 0xffff_ffff;
/** RFC 5103: its elements are those of IANA, in the other direction. */
const reverseEnterprise = 29_305;

/** Of Logstash's codec. It reads times as numbers. */
const logstashTypes: Readonly<Record<string, DataType>> = {
  uint8: 'unsigned8',
  uint16: 'unsigned16',
  uint24: 'unsigned32',
  uint32: 'unsigned32',
  uint64: 'unsigned64',
  int8: 'signed8',
  int16: 'signed16',
  int32: 'signed32',
  int64: 'signed64',
  float: 'float32',
  double: 'float64',
  string: 'string',
  octetarray: 'octetArray',
  ip4_addr: 'ipv4Address',
  ip6_addr: 'ipv6Address',
  mac_addr: 'macAddress',
  application_id: 'octetArray',
  acl_id_asa: 'octetArray',
  mpls_label_stack_octets: 'octetArray',
  forwarding_status: 'unsigned8',
  // Slips of the files that are in use.
  uint15: 'unsigned16',
  long: 'unsigned64',
};

export function readElementFile(content: string, format: ElementFormat): ElementFile {
  const text = content.replace(/^\uFEFF/, '');
  const excess = yamlExcess(text);
  if (excess !== undefined) return { definitions: [], mistakes: [excess] };
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, uniqueKeys: false, prettyErrors: false });
  const mistakes: Mistake[] = [];
  const definitions = new Map<string, ElementDefinition>();

  function mistake(at: unknown, message: string): undefined {
    const offset = isNode(at) ? (at.range?.[0] ?? 0) : typeof at === 'number' ? at : 0;
    const { line, col } = lineCounter.linePos(offset);
    mistakes.push({ line: Math.max(1, line), column: Math.max(1, col), message });
    return undefined;
  }

  function add(definition: ElementDefinition, key: unknown): void {
    const { protocol, enterprise, id, replaces } = definition;
    const number = `${protocol} ${enterprise}/${id}`;
    // Logstash takes the last one, and the files that people have rely on it.
    if (replaces && definitions.has(number)) mistake(key, `the element ${id} is here twice`);
    definitions.set(number, definition);
  }

  /** Entries of a mapping; undefined where it is none, which is noted unless nothing is there. */
  function entries(value: unknown, key: unknown, expected: string): readonly Pair<unknown, unknown>[] | undefined {
    if (isMap(value)) return value.items;
    if (value === null || (isScalar(value) && value.value === null)) return undefined;
    return mistake(isNode(value) ? value : key, `expected ${expected}`);
  }

  function toNumber(key: unknown, max: number, what: string): number | undefined {
    const value = isScalar(key) ? key.value : undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max) return value;
    return mistake(key, `expected ${what}, 0 to ${max}${got(value)}`);
  }

  function readOwn(): void {
    const ianaNames = new Map(readTsv('information-elements.tsv').map(([id, name]) => [Number(id), name]));
    const what = 'a mapping from enterprise number, or "netflow9", to elements';
    for (const { key, value } of entries(document.contents, document.contents, what) ?? []) {
      const isNetflow9 = isScalar(key) && key.value === 'netflow9';
      const enterprise = isNetflow9 ? 0 : toNumber(key, maxEnterprise, 'an enterprise number or "netflow9"');
      if (enterprise === undefined) continue;
      if (enterprise === reverseEnterprise) {
        mistake(key, `the elements of ${reverseEnterprise} are those of IANA in the other direction (RFC 5103)`);
        continue;
      }
      const max = isNetflow9 ? maxNetflow9Type : maxIpfixId;
      for (const element of entries(value, key, 'a mapping from number to { name, type }') ?? []) {
        const id = toNumber(element.key, max, 'the number of an element');
        const ianaName = !isNetflow9 && enterprise === 0 && id !== undefined ? ianaNames.get(id) : undefined;
        if (ianaName !== undefined)
          mistake(element.key, `the element ${id} is IANA’s ${ianaName}: it can't be redefined`);
        const said = readOwnElement(element);
        if (id === undefined || said === undefined) continue;
        add({ protocol: isNetflow9 ? 'netflow9' : 'ipfix', enterprise, id, ...said, replaces: true }, element.key);
      }
    }
  }

  function readOwnElement({ key, value }: Pair<unknown, unknown>): { name: string; type: DataType } | undefined {
    if (!isMap(value)) return mistake(isNode(value) ? value : key, 'expected { name: …, type: … }');
    const found: Record<'name' | 'type', unknown> = { name: undefined, type: undefined };
    for (const { key: word, value: node } of value.items) {
      const said = isScalar(word) ? String(word.value) : '';
      if (said === 'name' || said === 'type') found[said] = node;
      else mistake(word, `unknown key ${JSON.stringify(said)}${didYouMean(said, ['name', 'type'], 'the keys are')}`);
    }
    const name = isScalar(found.name) ? found.name.value : undefined;
    const type = isScalar(found.type) ? found.type.value : undefined;
    const isName = typeof name === 'string' && /^[A-Za-z]\w{0,63}$/.test(name);
    if (!isName) {
      const rule = 'expected letters, digits and "_", at most 64, a letter first';
      mistake(found.name ?? value, `name: ${rule}${got(name)}`);
    }
    if (isDataType(type)) return isName ? { name, type } : undefined;
    const hint = typeof type === 'string' ? didYouMean(type, dataTypes, 'the types are') : `: ${dataTypes.join(', ')}`;
    return mistake(found.type ?? value, `type: expected an abstract data type${got(type)}${hint}`);
  }

  function readLogstash(
    protocol: ElementDefinition['protocol'],
    enterprise: number,
    value: unknown,
    key: unknown,
  ): void {
    for (const element of entries(value, key, 'a mapping from number to [type, :name]') ?? []) {
      const number = toNumber(element.key, maxNetflow9Type, 'the number of an element');
      const said = readLogstashElement(element);
      if (number === undefined || said === undefined) continue;
      // ElastiFlow's file has Cisco's elements with and without the enterprise bit.
      const id = protocol === 'netflow9' ? number : number & maxIpfixId;
      add({ protocol, enterprise, id, ...said, replaces: false }, element.key);
    }
  }

  function readLogstashElement({
    key,
    value,
  }: Pair<unknown, unknown>): { name: string | undefined; type: DataType } | undefined {
    const words = isSeq(value) ? value.items.map((item) => (isScalar(item) ? item.value : undefined)) : [];
    const [type, name] = words.map((word) => (word === undefined ? undefined : String(word).replace(/^:/, '')));
    if (type === 'skip') return { name: undefined, type: 'octetArray' };
    if (type === undefined || name === undefined || words.length > 2) {
      return mistake(isNode(value) ? value : key, 'expected [type, :name] or [:skip]');
    }
    // A number is a length in bytes.
    const dataType = /^[1-9]\d*$/.test(type) ? 'unsigned64' : logstashTypes[type];
    if (dataType !== undefined) return { name: name.replaceAll(/\W/g, '_'), type: dataType };
    return mistake(
      value,
      `unknown type ${JSON.stringify(type)}${didYouMean(type, Object.keys(logstashTypes), 'the types are')}`,
    );
  }

  for (const error of document.errors.slice(0, 1))
    mistake(error.pos[0], `not YAML: ${error.message.split('\n', 1)[0]}`);
  if (mistakes.length === 0) {
    if (format === 'weir') readOwn();
    else if (format === 'logstash-netflow') readLogstash('netflow9', 0, document.contents, document.contents);
    else {
      const what = 'a mapping from enterprise number to elements';
      for (const { key, value } of entries(document.contents, document.contents, what) ?? []) {
        const enterprise = toNumber(key, maxEnterprise, 'an enterprise number');
        if (enterprise !== undefined) readLogstash('ipfix', enterprise, value, key);
      }
    }
  }
  return { definitions: [...definitions.values()], mistakes };
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'range' in value;
}

function isDataType(type: unknown): type is DataType {
  return typeof type === 'string' && (dataTypes as readonly string[]).includes(type);
}

function got(value: unknown): string {
  if (value === undefined || value === null) return '';
  return `, got ${JSON.stringify(String(value).slice(0, 60))}`;
}
