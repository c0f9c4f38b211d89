import fc from 'fast-check';
import { expect, test } from 'vitest';
import { didYouMean, nearest } from '../../src/enrich/did-you-mean.ts';

const words = ['geoip', 'asn', 'server', 'services', 'sampling', 'api_key'];

test.each([
  ['geoipp', 'geoip'],
  ['geopi', 'geoip'],
  ['GeoIP', 'geoip'],
  ['ans', 'asn'],
  ['servcies', 'services'],
  ['sampleing', 'sampling'],
  ['apiKey', 'api_key'],
  ['api-key', 'api_key'],
])('%s is meant to be %s', (word, meant) => {
  expect(nearest(word, words)).toBe(meant);
});

test.each(['', 'x', 'xyz', 'elasticsearch', 'geo'])('%j is near none', (word) => {
  expect(nearest(word, words)).toBeUndefined();
});

test('says the near word, else all of them, else nothing', () => {
  expect(didYouMean('geoipp', words, 'the steps are')).toBe('; did you mean "geoip"?');
  expect(didYouMean('zebra', ['asn', 'geoip'], 'the steps are')).toBe('; the steps are: asn, geoip');
  expect(didYouMean('zebra', [], 'the steps are')).toBe('');
});

test('one letter wrong, missing, doubled or swapped still finds a word of four letters or more', () => {
  const known = ['interfaces', 'netflow', 'destination'];
  fc.assert(
    fc.property(
      fc.constantFrom(...known),
      fc.nat(20),
      fc.constantFrom('wrong', 'missing', 'doubled', 'swapped'),
      (word, n, how) => {
        const at = n % (word.length - 1);
        const [before, here, next, after] = [
          word.slice(0, at),
          word.charAt(at),
          word.charAt(at + 1),
          word.slice(at + 2),
        ];
        const typed = {
          wrong: `${before}x${next}${after}`,
          missing: before + next + after,
          doubled: before + here + here + next + after,
          swapped: before + next + here + after,
        }[how];
        expect(nearest(typed, known)).toBe(word);
      },
    ),
  );
});
