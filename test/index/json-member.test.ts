import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutMember } from '../../src/index/json-member.ts';

describe('cutting a member out of JSON text', () => {
  test.each([
    ['{"a":1,"b":2}', 'a', '{"b":2}', '1'],
    ['{"a":1,"b":2}', 'b', '{"a":1}', '2'],
    ['{"a":1}', 'a', '{}', '1'],
    ['{ "a" : { "x" : "}" , "y" : [ 1 ] } , "b" : 2 }', 'a.x', '{ "a" : {  "y" : [ 1 ] } , "b" : 2 }', '"}"'],
    ['{"a.b":{"c":"\\"\\\\"},"d":0}', 'a.b.c', '{"a.b":{},"d":0}', '"\\"\\\\"'],
    ['{"a":{"b":1},"a.b":2}', 'a.b', '{"a":{}}', '1'],
    ['{"l":[{"x":1,"y":2},3,[{"x":[]}],{}],"x":4}', 'l.x', '{"l":[{"y":2},3,[{}],{}],"x":4}', '1'],
    ['{"\\u0061":true,"c":null}', 'a', '{"c":null}', 'true'],
    ['{"a":1,"a":2}', 'a', '{}', '1'],
  ])('of %s, %s leaves %s', (text, name, rest, value) => {
    expect(cutMember(text, name)).toEqual({ text: rest, value });
  });

  test('leaves integers above 2^53 as they are', () => {
    const text = '{"big":18446744073709551615,"bad":"x","small":1.10}';
    expect(cutMember(text, 'bad')?.text).toBe('{"big":18446744073709551615,"small":1.10}');
  });

  test.each(['{"a":1}', '[{"x":1}]', '1', '', '{"x":', 'null', '{"x.":1}'])('finds no x in %s', (text) => {
    expect(cutMember(text, 'x')).toBeUndefined();
  });

  test('gives up on a document so deep that no index takes it', () => {
    expect(cutMember(`{"a":${'['.repeat(200)}${']'.repeat(200)},"x":1}`, 'x')).toBeUndefined();
  });

  test('any member of any object goes, and nothing else does', () => {
    const key = fc.string({ minLength: 1 }).filter((name) => !name.includes('.') && name !== '__proto__');
    const object = fc.dictionary(key, fc.jsonValue({ noUnicodeString: false }), { minKeys: 1, maxKeys: 5 });
    fc.assert(
      fc.property(object, fc.nat(), (document, seed) => {
        const names = Object.keys(document);
        const name = names[seed % names.length]!;
        const { [name]: value, ...rest } = document;
        const cut = cutMember(JSON.stringify(document), name);
        expect(JSON.parse(cut?.text ?? '')).toEqual(JSON.parse(JSON.stringify(rest)));
        expect(JSON.parse(cut?.value ?? '')).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
