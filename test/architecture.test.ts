// Holds the import rules of docs/architecture.md: who may import whom, and where a package is at home.

import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
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
  'node:dns': ['enrich/steps/hostname'],
  'node:http': ['telemetry'],
  // The schemas only ask what is an IP address.
  'node:net': ['collect', 'enrich/pipeline-schema', 'enrich/collect-section', 'enrich/telemetry-section'],
  'node:tls': ['collect', 'index/elasticsearch-trust'],
  'net-snmp': ['enrich'],
  'prom-client': ['telemetry'],
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

/** `from '…'`, `import '…'`, `import('…')`, `import("…").Type`, `require('…')`, in any quotes and over any lines. */
const importPattern = /(?:(?<![.\w])from\s*|\bimport\s*\(?\s*|\brequire\s*\(\s*)(['"`])([^'"`\n]+)\1/g;

function importsOf(text: string): string[] {
  return [...withoutComments(text).matchAll(importPattern)].map((match) => match[2] ?? '');
}

/** Comments at the beginning of a line, or after a space: URLs in strings stay. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, ' ');
}

const files: readonly SourceFile[] = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => {
    const text = readFileSync(join(source, name), 'utf8');
    return { path: name.split(sep).join('/'), text: withoutComments(text), imports: importsOf(text) };
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

test.each([
  ["import { a } from '../decode/a.ts';", ['../decode/a.ts']],
  ["import type { A } from '../decode/a.ts';", ['../decode/a.ts']],
  ["import * as a from '../decode/a.ts';", ['../decode/a.ts']],
  ["import '../decode/a.ts';", ['../decode/a.ts']],
  ["import a, {\n  type B,\n} from '../decode/a.ts';", ['../decode/a.ts']],
  ["export { a } from '../decode/a.ts'; export * from '../decode/b.ts';", ['../decode/a.ts', '../decode/b.ts']],
  ["const { a } = await import('../decode/a.ts');", ['../decode/a.ts']],
  ["const { a } = await import(\n  /* why */ '../decode/a.ts',\n);", ['../decode/a.ts']],
  ['const { a } = await import(`../decode/a.ts`);', ['../decode/a.ts']],
  ["type A = import('../decode/a.ts').A;", ['../decode/a.ts']],
  ["const a = createRequire(import.meta.url)('x'); const b = require('yaml');", ['yaml']],
  ["// import { a } from '../decode/a.ts';\n/* import '../decode/b.ts' */", []],
])('imports are found in %j', (text, imports) => {
  expect(importsOf(text)).toEqual(imports);
});

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

  test('no import hides behind a variable; createRequire only finds files', () => {
    const hidden =
      /\bimport\s*\(\s*(?!['"`\s])|\bcreateRequire\([^)]*\)(?!\.resolve\()|\bgetBuiltinModule\b|\bprocess\.binding\b/;
    expect(files.filter(({ text }) => hidden.test(text)).map(({ path }) => path)).toEqual([]);
  });

  test('what Node brings is imported as node:, so that its home can be held', () => {
    const wrong = files.flatMap(({ path, imports }) =>
      imports
        .filter((specifier) => isBuiltin(specifier) && !specifier.startsWith('node:'))
        .map((name) => `${path}: ${name}`),
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
        .filter(({ text }) =>
          /process\??\.env\b|process\[|\benv\b[^;]*\bfrom 'node:process'|\benv\b[^;=]*=\s*process\b/.test(text),
        )
        .map(({ path }) => path),
    ).toEqual([]);
  });

  test('the clock is an argument: only app reads it', () => {
    expect(
      outsideOf(['app'])
        .filter(({ text }) =>
          /\bDate\.now\b|\bnew Date(?!\()|\bnew Date\(\s*\)|(?<!new )\bDate\(|\bperformance\.(?:now|timeOrigin)\b|\bhrtime\b/.test(
            text,
          ),
        )
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
