// Holds the import rules of docs/architecture.md: who may import whom, and where a package is at home.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const source = fileURLToPath(new URL('../src/', import.meta.url));

/** Folder → folders it may import, itself apart. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  model: [],
  telemetry: ['model'],
  collect: ['model', 'telemetry'],
  decode: ['model', 'telemetry'],
  enqueue: ['model', 'telemetry'],
  enrich: ['model', 'telemetry'],
  index: ['model', 'telemetry'],
  app: ['model', 'telemetry', 'collect', 'decode', 'enqueue', 'enrich', 'index'],
};

/** Package → places (folders or files) that may import it. */
const homes: Readonly<Record<string, readonly string[]>> = {
  'node:dgram': ['collect', 'app/demo'],
  'node:http': ['telemetry'],
  // The schemas only ask what is an IP address.
  'node:net': ['collect', 'enrich/pipeline-schema', 'enrich/collect-section'],
  'node:tls': ['collect'],
  bullmq: ['enqueue'],
  ioredis: ['enqueue', 'app'],
  '@elastic/elasticsearch': ['index', 'app/setup'],
  maxmind: ['enrich'],
  'ipaddr.js': ['enrich'],
  yaml: ['enrich'],
  zod: ['enrich'],
  commander: ['app'],
  pino: ['telemetry'],
  'pino-pretty': ['telemetry'],
};

interface SourceFile {
  /** Below src, with "/". */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

const files: readonly SourceFile[] = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => {
    const text = readFileSync(join(source, name), 'utf8');
    const imports = [...text.matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
    return { path: name.split(sep).join('/'), text, imports };
  });

function folderOf(path: string): string {
  return path.split('/')[0] ?? '';
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

test('the sources were found', () => {
  expect(files.length).toBeGreaterThan(20);
  expect(files.flatMap(({ imports }) => imports).length).toBeGreaterThan(50);
});

test('every folder of src is a stage, a shared folder or app', () => {
  expect(
    [...new Set(files.map(({ path }) => folderOf(path)))].filter((folder) => mayImport[folder] === undefined),
  ).toEqual([]);
});

describe('imports', () => {
  test('stages import model and telemetry, never each other', () => {
    const wrong = files.flatMap(({ path, imports }) => {
      const folder = folderOf(path);
      return imports
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) =>
          folderOf(
            relative(source, join(source, dirname(path), specifier))
              .split(sep)
              .join('/'),
          ),
        )
        .filter((target) => target !== folder && !mayImport[folder]?.includes(target))
        .map((target) => `${path} imports ${target}`);
    });
    expect(wrong).toEqual([]);
  });

  test('a package is imported at its home only', () => {
    const wrong = files.flatMap(({ path, imports }) =>
      imports
        .map(packageOf)
        .filter((name) =>
          homes[name]?.every((home) => path !== home && path !== `${home}.ts` && !path.startsWith(`${home}/`)),
        )
        .map((name) => `${path} imports ${name}`),
    );
    expect(wrong).toEqual([]);
  });

  test('every package has a home', () => {
    const packages = new Set(
      files
        .flatMap(({ imports }) => imports)
        .filter((specifier) => !specifier.startsWith('.'))
        .map(packageOf),
    );
    expect([...packages].filter((name) => !name.startsWith('node:') && homes[name] === undefined)).toEqual([]);
  });

  test('relative imports name the file with its ending', () => {
    const wrong = files.flatMap(({ path, imports }) =>
      imports
        .filter((specifier) => specifier.startsWith('.') && !/\.(ts|json)$/.test(specifier))
        .map((specifier) => `${path}: ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  test('no two modules import each other in a circle', () => {
    const graph = new Map(
      files.map(({ path, text }) => {
        // Types vanish: only imports of values can make a circle.
        const values = [...text.matchAll(/(?:^|\n)\s*(?:import|export)\s(?!type\b)[^;'"]*?from\s*['"](\.[^'"]+)['"]/g)];
        return [
          path,
          values.map((match) =>
            join(dirname(path), match[1] ?? '')
              .split(sep)
              .join('/'),
          ),
        ] as const;
      }),
    );
    const circles: string[] = [];
    const done = new Set<string>();
    function visit(path: string, trail: readonly string[]): void {
      if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      else if (!done.has(path)) {
        for (const target of graph.get(path) ?? []) visit(target, [...trail, path]);
        done.add(path);
      }
    }
    for (const path of graph.keys()) visit(path, []);
    expect(circles).toEqual([]);
  });
});

describe('the world outside', () => {
  const outsideOf = (homes: readonly string[]) =>
    files.filter(({ path }) => !homes.some((home) => path === home || path.startsWith(`${home}/`)));

  test('the environment is read in app/config.ts only', () => {
    expect(
      outsideOf(['app/config.ts'])
        .filter(({ text }) => /process\.env\b/.test(text))
        .map(({ path }) => path),
    ).toEqual([]);
  });

  test('the clock is an argument: only app reads it', () => {
    expect(
      outsideOf(['app'])
        .filter(({ text }) => /\bDate\.now\(\)|\bnew Date\(\)/.test(text))
        .map(({ path }) => path),
    ).toEqual([]);
  });

  test('nothing but app ends the process or writes to its streams', () => {
    const pattern = /process\.(exit\b|stdout|stderr)|console\./;
    expect(
      outsideOf(['app'])
        .filter(({ text }) => pattern.test(text))
        .map(({ path }) => path),
    ).toEqual([]);
  });
});
