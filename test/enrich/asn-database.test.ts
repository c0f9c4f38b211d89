import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureAsnDatabase, openAsnDatabase } from '../../src/enrich/asn-database.ts';
import { writeDatabase } from './city-database.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-asn-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the AS database made from the CSV package', () => {
  it('knows the bounds of ranges, quoted organisations and both families', async () => {
    const source = await writePackage({
      ipv4: '16777216,16777471,13335,"Cloudflare, Inc."\n16777472,16777475,64496,"The ""Example"" AS"\n',
      ipv6: '42541956123769884636017138956568136704,42541956123769884636017138956568136705,6939,Hurricane Electric LLC\n',
    });
    const database = await openAsnDatabase(
      [await ensureAsnDatabase({ sourceFolder: source, folders: [folder] })],
      'asn',
    );
    const textOf = (address: string) => database.lookup(address, address.includes(':') ? 6 : 4)?.text;
    expect(textOf('1.0.0.0')).toBe('Cloudflare, Inc. (13335)');
    expect(textOf('1.0.0.255')).toBe('Cloudflare, Inc. (13335)');
    expect(textOf('1.0.1.0')).toBe('The "Example" AS (64496)');
    expect(textOf('1.0.1.3')).toBe('The "Example" AS (64496)');
    expect(textOf('1.0.1.4')).toBeUndefined();
    expect(textOf('0.255.255.255')).toBeUndefined();
    expect(textOf('2001:4860:4860::8c00')).toBe('Hurricane Electric LLC (6939)');
    expect(textOf('2001:4860:4860::8c01')).toBe('Hurricane Electric LLC (6939)');
    expect(textOf('2001:4860:4860::8c02')).toBeUndefined();
  });

  it('finds systems by their number where it was opened for that, the last address included', async () => {
    const source = await writePackage({
      ipv4: '16777216,16777471,13335,"Cloudflare, Inc."\n4294967295,4294967295,64497,Last\n',
      ipv6: '42541956123769884636017138956568136704,42541956123769884636017138956568136705,6939,Hurricane Electric LLC\n',
    });
    const path = await ensureAsnDatabase({ sourceFolder: source, folders: [folder] });
    const database = await openAsnDatabase([path], 'asn', { readsNames: true });
    expect(database.system(13_335)).toEqual({ asn: 13_335, text: 'Cloudflare, Inc. (13335)' });
    expect(database.system(64_497).text).toBe('Last (64497)');
    expect(database.system(64_500)).toEqual({ asn: 64_500, text: '64500' });
    expect((await openAsnDatabase([path], 'asn')).system(13_335).text).toBe('13335');
  });

  it('is made once and then found', async () => {
    const source = await writePackage({});
    const path = await ensureAsnDatabase({ sourceFolder: source, folders: [folder] });
    await writeFile(path, 'as it was');
    expect(await ensureAsnDatabase({ sourceFolder: source, folders: [folder] })).toBe(path);
    expect(await readFile(path, 'utf8')).toBe('as it was');
  });

  it('replaces the one of an older package', async () => {
    const older = await ensureAsnDatabase({
      sourceFolder: await writePackage({ version: '1.0.0' }),
      folders: [folder],
    });
    const newer = await ensureAsnDatabase({
      sourceFolder: await writePackage({ version: '1.0.1' }),
      folders: [folder],
    });
    expect(newer).not.toBe(older);
    expect((await readdir(folder)).filter((name) => name.endsWith('.mmdb'))).toHaveLength(1);
  });

  it('is kept in the next folder when the first is none', async () => {
    const file = join(folder, 'a-file');
    await writeFile(file, '');
    const kept = join(folder, 'kept');
    const path = await ensureAsnDatabase({
      sourceFolder: await writePackage({}),
      folders: [join(file, 'below'), kept],
    });
    expect(path.startsWith(kept)).toBe(true);
  });

  it('is not read through a link that somebody else may have made', async () => {
    const real = join(folder, 'real');
    await mkdir(real);
    await symlink(real, join(folder, 'link'));
    await expect(
      ensureAsnDatabase({ sourceFolder: await writePackage({}), folders: [join(folder, 'link')] }),
    ).rejects.toMatchObject({ code: 'folder-unwritable' });
  });

  it('is whole when several make it at the same time', async () => {
    const source = await writePackage({});
    const paths = await Promise.all(
      Array.from({ length: 4 }, () => ensureAsnDatabase({ sourceFolder: source, folders: [folder] })),
    );
    expect(new Set(paths).size).toBe(1);
    expect((await readdir(folder)).filter((name) => name.includes('asn-'))).toHaveLength(1);
    expect((await openAsnDatabase(paths.slice(0, 1), 'asn')).lookup('1.0.0.1', 4)?.asn).toBe(13335);
  });

  it('says what to do when the package is not installed', async () => {
    await expect(ensureAsnDatabase({ sourceFolder: join(folder, 'nowhere'), folders: [folder] })).rejects.toMatchObject(
      { code: 'file-missing', hint: expect.stringContaining('npm ci') },
    );
  });

  it('names the line that is no range, and keeps nothing', async () => {
    const source = await writePackage({ ipv4: '16777216,16777471,13335,"Cloudflare, Inc."\n1.0.0.0,1.0.0.255,x\n' });
    await expect(ensureAsnDatabase({ sourceFolder: source, folders: [folder] })).rejects.toMatchObject({
      code: 'file-invalid',
      message: expect.stringContaining('1.0.0.0,1.0.0.255,x'),
    });
    expect(await readdir(folder)).toEqual(['package']);
  });

  async function writePackage({ version = '1.0.2026061719', ipv4 = '', ipv6 = '' }): Promise<string> {
    const source = join(folder, 'package');
    await mkdir(source, { recursive: true });
    await writeFile(join(source, 'package.json'), JSON.stringify({ version }));
    await writeFile(join(source, 'asn-ipv4-num.csv'), ipv4 === '' ? '16777216,16777471,13335,Cloudflare\n' : ipv4);
    await writeFile(join(source, 'asn-ipv6-num.csv'), ipv6);
    return source;
  }
});

describe('the bundled AS database', () => {
  it('is there after a build, or made at the first start, in two processes at once', async () => {
    const kept = join(folder, 'kept');
    const script = `
      import { ensureAsnDatabase } from ${JSON.stringify(new URL('../../src/enrich/asn-database.ts', import.meta.url).href)};
      ensureAsnDatabase({ folders: [${JSON.stringify(kept)}] }).then((path) => console.log(path));
    `;
    const program = join(folder, 'make.mts');
    await writeFile(program, script);
    const tsx = fileURLToPath(new URL('../../node_modules/tsx/dist/cli.mjs', import.meta.url));
    const runs = await Promise.all([1, 2].map(() => promisify(execFile)(process.execPath, [tsx, program])));
    const [path, ...others] = runs.map(({ stdout }) => stdout.trim());
    expect(others).toEqual([path]);
    expect(await readdir(kept)).toHaveLength(1);
    const database = await openAsnDatabase([path ?? ''], 'asn');
    expect(database.lookup('8.8.8.8', 4)).toEqual({ asn: 15169, text: 'Google LLC (15169)' });
    expect(database.lookup('2001:4860:4860::8888', 6)?.asn).toBe(15169);
    expect(database.lookup('1.1.1.1', 4)?.text).toBe('Cloudflare, Inc. (13335)');
    expect(database.lookup('192.0.2.1', 4)).toBeUndefined();
  });
});

describe('the record of an AS', () => {
  it.each([
    [
      { autonomous_system_number: 64496, autonomous_system_organization: 'Example' },
      { asn: 64496, text: 'Example (64496)' },
    ],
    [{ autonomous_system_number: 64496 }, { asn: 64496, text: '64496' }],
    [{ autonomous_system_organization: 'Example' }, { asn: undefined, text: 'Example' }],
    [
      { autonomous_system_number: '64496', autonomous_system_organization: '' },
      { asn: 64496, text: '64496' },
    ],
    [{ autonomous_system_number: 0 }, undefined],
    [{ autonomous_system_number: 'many' }, undefined],
    [{ something: 'else' }, undefined],
  ])('%j is %j', async (record, expected) => {
    const path = await writeDatabase(join(folder, 'own.mmdb'), 'Own', [['192.0.2.0/24', record]]);
    expect((await openAsnDatabase([path], 'asn')).lookup('192.0.2.1', 4)).toEqual(expected);
  });

  it('comes from the first of two files that knows the address', async () => {
    const v4 = await writeDatabase(join(folder, 'v4.mmdb'), 'V4', [['192.0.2.0/24', { autonomous_system_number: 1 }]]);
    const v6 = await writeDatabase(join(folder, 'v6.mmdb'), 'V6', [['2001:db8::/32', { autonomous_system_number: 2 }]]);
    const database = await openAsnDatabase([v4, v6], 'asn');
    expect(database.lookup('192.0.2.1', 4)?.asn).toBe(1);
    expect(database.lookup('2001:db8::1', 6)?.asn).toBe(2);
  });
});
