// Writes docs/licences.md from package-lock.json: `npx tsx scripts/generate-licence-list.ts`.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const licencesPage = fileURLToPath(new URL('../docs/licences.md', import.meta.url));
const lockFile = fileURLToPath(new URL('../package-lock.json', import.meta.url));

export interface LicensedPackage {
  readonly name: string;
  readonly version: string;
  readonly licence: string;
  /** Not on every system. */
  readonly isOptional: boolean;
}

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
}

/** What an installation of weir has, by name. */
export function readInstalledPackages(): readonly LicensedPackage[] {
  const { packages } = JSON.parse(readFileSync(lockFile, 'utf8')) as { readonly packages: Record<string, Locked> };
  return Object.entries(packages)
    .filter(([place, { dev = false, devOptional = false }]) => place !== '' && !dev && !devOptional)
    .map(([place, { version, license = 'none', optional = false }]) => ({
      name: place.replace(/^.*node_modules\//, ''),
      version,
      licence: license,
      isOptional: optional,
    }))
    .sort((a, b) => (a.name === b.name ? (a.version < b.version ? -1 : 1) : a.name < b.name ? -1 : 1));
}

export function toLicencesPage(packages: readonly LicensedPackage[]): string {
  const rows = packages.map(
    ({ name, version, licence, isOptional }) =>
      `| \`${name}\` | ${version}${isOptional ? ' (on some systems)' : ''} | ${licence} |`,
  );
  return [
    '# Licences of what is installed',
    '',
    'Made from `package-lock.json` by `scripts/generate-licence-list.ts`. Their texts are in the packages’ folders below',
    '`node_modules` (`LICENSE`, or the end of the README). Databases, and data that lie in weir’s own folders: [NOTICE](../NOTICE). weir itself: [Apache License 2.0](../LICENSE).',
    '',
    '| package | version | licence |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  writeFileSync(licencesPage, toLicencesPage(readInstalledPackages()));
