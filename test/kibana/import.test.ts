// `weir setup --kibana`: what is imported, what is left, and what each kind of trouble is called.

import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { setupKibana } from '../../src/app/kibana-setup.ts';
import { type KibanaDouble, startKibanaDouble } from '../servers/kibana-double.ts';

const count = readFileSync(new URL('../../kibana-saved-objects/weir.ndjson', import.meta.url), 'utf8')
  .trim()
  .split('\n').length;

let kibana: KibanaDouble;
beforeEach(async () => {
  kibana = await startKibanaDouble();
});
afterEach(() => kibana.stop());

const run = ({
  dryRun = false,
  force = false,
  ...target
}: {
  dryRun?: boolean;
  force?: boolean;
  [key: string]: unknown;
} = {}) => setupKibana({ url: kibana.url, ...target }, { dryRun, force, waitMs: 0 });

function change(key: string): void {
  const object = kibana.objects.get(key)!;
  kibana.objects.set(key, {
    ...object,
    attributes: { ...object.attributes, title: 'Mine' },
    updated_at: '2026-06-01T00:00:00Z',
  });
}

test('the first time all is imported, the second time nothing', async () => {
  expect((await run())[1]).toBe(`new             ${count} objects: imported`);
  const before = structuredClone([...kibana.objects]);
  expect((await run())[1]).toBe(`unchanged       ${count} objects: kept`);
  expect([...kibana.objects]).toEqual(before);
});

test('a dry run writes nothing', async () => {
  expect((await run({ dryRun: true }))[1]).toBe(`new             ${count} objects: would import`);
  expect(kibana.objects.size).toBe(0);
});

test('what the user changed is left, and overwritten with --force only', async () => {
  await run();
  change('default/dashboard/weir-overview');
  expect(await run()).toContain('changed by user 1 object: left');
  expect(kibana.objects.get('default/dashboard/weir-overview')?.attributes['title']).toBe('Mine');
  expect(await run({ force: true })).toContain('changed by user 1 object: overwritten');
  expect(kibana.objects.get('default/dashboard/weir-overview')?.attributes['title']).toBe('weir: Overview');
});

test('what was imported by hand is the user’s', async () => {
  await run();
  kibana.objects.delete('default/visualization/weir-import');
  expect(await run()).toContain(`changed by user ${count} objects: left`);
});

test('an upgrade of Kibana, which migrates again, is no change of the user', async () => {
  await run();
  for (const [key, { attributes, ...rest }] of kibana.objects)
    if (!key.endsWith('weir-import'))
      kibana.objects.set(key, { ...rest, attributes: { ...attributes, migratedTo: '7.17' } });
  expect((await run())[1]).toBe(`unchanged       ${count} objects: kept`);
});

test('a dashboard that somebody deleted is left out, and imported with --force only', async () => {
  await run();
  kibana.objects.delete('default/dashboard/weir-threats');
  expect(await run()).toContain('deleted by user 1 object: left out');
  expect(kibana.objects.has('default/dashboard/weir-threats')).toBe(false);
  expect(await run({ force: true })).toContain('deleted by user 1 object: imported anew');
  expect(kibana.objects.has('default/dashboard/weir-threats')).toBe(true);
  expect((await run())[1]).toBe(`unchanged       ${count} objects: kept`);
});

test('a panel or an index pattern that somebody deleted comes back where something shows it', async () => {
  await run();
  const [panel, pattern] = [
    'default/visualization/weir-threats-reputation-flow-records',
    'default/index-pattern/weir-flow',
  ];
  for (const key of [panel, pattern]) expect(kibana.objects.delete(key), key).toBe(true);
  expect(await run()).toContain('new             2 objects: imported');
  for (const key of [panel, pattern]) expect(kibana.objects.has(key), key).toBe(true);
});

test('a panel that the user took off a dashboard and deleted stays deleted', async () => {
  await run();
  const key = 'default/dashboard/weir-threats';
  const { references, ...dashboard } = kibana.objects.get(key)!;
  const id = 'weir-threats-reputation-flow-records';
  kibana.objects.set(key, {
    ...dashboard,
    references: references.filter((reference) => (reference as { id: string }).id !== id),
    updated_at: '2026-06-01T00:00:00Z',
  });
  kibana.objects.delete(`default/visualization/${id}`);
  const lines = await run();
  expect(lines).toContain('changed by user 1 object: left');
  expect(lines).toContain('deleted by user 1 object: left out');
  expect(kibana.objects.has(`default/visualization/${id}`)).toBe(false);
});

test('where all is deleted but the note of it, it is said what brings it back', async () => {
  await run();
  for (const key of kibana.objects.keys()) if (!key.endsWith('weir-import')) kibana.objects.delete(key);
  const lines = await run();
  expect(lines).toContain(`deleted by user ${count} objects: left out`);
  expect(lines.at(-1)).toContain('--force imports');
});

test('an import that was cut off is still weir’s', async () => {
  kibana.before = (request) =>
    request.endsWith('_import') && kibana.seen.filter((seen) => seen.endsWith('_import')).length === 1
      ? { status: 502, body: '<html>' }
      : undefined;
  await expect(run()).rejects.toThrow(`any of the ${count} saved objects may have been imported`);
  expect((await run())[1]).toBe(`new             ${count} objects: imported`);
});

test('what Kibana refuses is named with its reason, the rest is imported, and the next run imports what was missing', async () => {
  kibana.refuse = (key) => (key === 'dashboard/weir-threats' ? 'missing_references' : undefined);
  await expect(run()).rejects.toMatchObject({
    code: 'kibana-refused',
    message: `Kibana at ${kibana.url}: ${count - 1} of ${count} saved objects were imported; not dashboard/weir-threats (missing references)`,
  });
  kibana.refuse = () => undefined;
  expect(await run()).toContain('new             1 object: imported');
});

test('a space gets its own, below /s/', async () => {
  kibana.spaces.add('network');
  expect((await run({ space: 'network' }))[0]).toBe(`Kibana 7.10.2 at ${kibana.url}, space network`);
  expect(kibana.objects.has('network/dashboard/weir-overview')).toBe(true);
  expect(kibana.objects.has('default/dashboard/weir-overview')).toBe(false);
});

test('a space that does not exist is told before anything is written', async () => {
  await expect(run({ space: 'nope' })).rejects.toThrow('there is no space "nope" (HTTP 404)');
  expect(kibana.objects.size).toBe(0);
});

test.each(['7.2.1', '7.18.0', '8.0.0', '6.8.23'])('version %s is refused', async (version) => {
  kibana.version = version;
  await expect(run()).rejects.toThrow(`it is version ${version}`);
});

test.each(['7.3.0', '7.17.28'])('version %s is taken', async (version) => {
  kibana.version = version;
  expect((await run())[0]).toBe(`Kibana ${version} at ${kibana.url}`);
});

test.each([
  [{ status: 503, body: 'Kibana server is not ready yet' }, 'not ready after 0 s (HTTP 503)'],
  [{ status: 401, body: '{"statusCode":401,"error":"Unauthorized"}' }, '(HTTP 401)'],
  [
    { status: 403, body: '{"statusCode":403,"message":"Forbidden"}' },
    'the user may not show its status (HTTP 403: Forbidden)',
  ],
  [
    { status: 302, body: '', headers: { location: 'https://login.example.net/x?token=s3cret' } },
    'a redirect to login.example.net (HTTP 302)',
  ],
  [{ status: 200, body: '<html>Sign in</html>' }, 'what answers there is not Kibana: an HTML page (HTTP 200)'],
  [{ status: 200, body: '\0\u0001garbage' }, 'what answers there is not Kibana'],
  [{ status: 200, body: '[]' }, 'what answers there is not Kibana: JSON of another kind (HTTP 200)'],
  [{ status: 200, body: 'x'.repeat(33 * 2 ** 20) }, 'the answer is larger than 32 MB'],
])('an answer is named in one line (%#)', async (answer, message) => {
  kibana.before = () => answer;
  const error = await run().catch((caught: Error) => caught);
  expect(String(error)).toContain(`Kibana at ${kibana.url}: `);
  expect(String(error)).toContain(message);
  expect(String(error)).not.toMatch(/\n|s3cret|Elasticsearch/);
});

test('a Kibana that is still starting is waited for', async () => {
  kibana.before = () =>
    kibana.seen.length === 1 ? { status: 503, body: 'Kibana server is not ready yet' } : undefined;
  const lines = await setupKibana({ url: kibana.url }, { dryRun: true, force: false, waitMs: 60_000 });
  expect(lines[0]).toBe(`Kibana 7.10.2 at ${kibana.url}`);
});

test('a right that is missing for the import is told, and nothing is imported', async () => {
  kibana.before = (request) =>
    request.endsWith('_import')
      ? { status: 403, body: '{"statusCode":403,"message":"Unable to bulk_create dashboard"}' }
      : undefined;
  await expect(run()).rejects.toThrow(
    'the user may not import saved objects (HTTP 403: Unable to bulk_create dashboard)',
  );
  expect(kibana.objects.has('default/dashboard/weir-overview')).toBe(false);
});

test('nobody there: the reason, and the keys that say where', async () => {
  await kibana.stop();
  await expect(run()).rejects.toMatchObject({
    code: 'kibana-unavailable',
    message: `Kibana at ${kibana.url}: ECONNREFUSED`,
    hint: 'Is Kibana started, and kibana: url (--kibana) right?',
  });
});

test('user and password are sent, and never shown', async () => {
  kibana.before = () => ({ status: 401, body: '{}' });
  const url = kibana.url.replace('//', '//weir:s3cret@');
  const error = await run({ url }).catch((caught: Error) => caught);
  expect(kibana.authorizations).toEqual([`Basic ${Buffer.from('weir:s3cret').toString('base64')}`]);
  expect(String(error)).not.toContain('s3cret');
});
