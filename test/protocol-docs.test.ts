import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const text = readFileSync(new URL('../docs/protocols.md', import.meta.url), 'utf8');
const references = [...text.matchAll(/`([\w/-]+) › ([^`]+)`/g)].map(([, file = '', title = '']) => ({ file, title }));

function isThere({ file, title }: { readonly file: string; readonly title: string }): boolean {
  const url = new URL(`./${file}.test.ts`, import.meta.url);
  return existsSync(url) && readFileSync(url, 'utf8').includes(`'${title}'`);
}

test('each test that docs/protocols.md names exists', () => {
  expect(references.length).toBeGreaterThan(60);
  expect(references.filter((reference) => !isThere(reference))).toEqual([]);
});

test('each row of RFC 7011 §8 and §9 and of RFC 3954 §9 that says “done” names a test', () => {
  const done = text.split('\n').filter((line) => /^\| (?:8|8\.1|8\.4|9|9\.1|9\.3) \|.*\| done/.test(line));
  expect(done.length).toBeGreaterThan(15);
  expect(done.filter((line) => !/ › |the same/.test(line))).toEqual([]);
});
