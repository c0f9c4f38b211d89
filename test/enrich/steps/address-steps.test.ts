// The steps that describe addresses: geoip, asn, locality.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AddressFacts } from '../../../src/enrich/address-facts.ts';
import type { StepDefinition } from '../../../src/enrich/step.ts';
import { asnStep } from '../../../src/enrich/steps/asn.ts';
import { geoipStep } from '../../../src/enrich/steps/geoip.ts';
import { localityStep } from '../../../src/enrich/steps/locality.ts';
import { silentLogger } from '../../../src/telemetry/logger.ts';
import { writeAsnDatabase, writeCityDatabase, writeDatabase } from '../city-database.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weir-steps-'));
  await writeCityDatabase(folder);
  await writeAsnDatabase(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('geoip', () => {
  it('reads a city database from the folder of the pipeline file', async () => {
    expect(await described(geoipStep, { database: ['city.mmdb'] }, '216.58.0.131')).toMatchObject({
      country: 'United States',
      countryCode: 'US',
      city: 'Mountain View',
      location: { lat: 37.4043, lon: -122.0748 },
    });
  });

  it('has the country of public addresses without any option', async () => {
    expect(await described(geoipStep, {}, '8.8.8.8')).toMatchObject({
      country: 'United States',
      countryCode: 'US',
      city: undefined,
      location: undefined,
    });
  });

  it('has no place for private addresses, even if the database has one', async () => {
    await writeDatabase(join(folder, 'private.mmdb'), 'Own', [['10.0.0.0/8', { country_code: 'DE' }]]);
    const facts = await described(geoipStep, { database: ['private.mmdb'] }, '10.0.0.1', true);
    expect(facts.country).toBeUndefined();
    expect(facts.countryCode).toBeUndefined();
  });

  it('takes a path or a list of paths', () => {
    expect(geoipStep.options.parse({ database: 'a.mmdb' })).toEqual({ database: ['a.mmdb'] });
    expect(geoipStep.options.parse({ database: ['a.mmdb', 'b.mmdb'] })).toEqual({ database: ['a.mmdb', 'b.mmdb'] });
  });

  it.each([{ database: '' }, { database: [] }, { database: ['a', 'b', 'c'] }, { database: 4 }, { databases: 'a' }])(
    'refuses %j',
    (options) => {
      expect(geoipStep.options.safeParse(options).success).toBe(false);
    },
  );

  it('names the option and the path of a file that is no database', async () => {
    await writeFile(join(folder, 'broken.mmdb'), 'not a database');
    await expect(described(geoipStep, { database: ['broken.mmdb'] }, '8.8.8.8')).rejects.toMatchObject({
      code: 'file-invalid',
      message: expect.stringMatching(/^database: .*broken\.mmdb /),
    });
    await expect(described(geoipStep, { database: ['nowhere.mmdb'] }, '8.8.8.8')).rejects.toMatchObject({
      code: 'file-missing',
    });
  });
});

describe('asn', () => {
  it('has number and text of public addresses', async () => {
    expect(await described(asnStep, { database: ['asn.mmdb'], prefer: 'database' }, '216.58.0.131')).toMatchObject({
      autonomousSystem: 'Google LLC (15169)',
      asn: 15169,
    });
  });

  it('has them without any option, for both families', async () => {
    expect(await described(asnStep, { prefer: 'database' }, '2001:4860:4860::8888')).toMatchObject({
      autonomousSystem: 'Google LLC (15169)',
      asn: 15169,
    });
  });

  it('calls public addresses that it does not know “public”', async () => {
    expect(await described(asnStep, { database: ['asn.mmdb'], prefer: 'database' }, '192.0.2.1')).toMatchObject({
      autonomousSystem: 'public',
      asn: undefined,
    });
  });

  it('calls private addresses “private”, even if the database has them', async () => {
    await writeDatabase(join(folder, 'own-asn.mmdb'), 'Own', [['10.0.0.0/8', { autonomous_system_number: 64512 }]]);
    expect(
      await described(asnStep, { database: ['own-asn.mmdb'], prefer: 'database' }, '10.0.0.1', true),
    ).toMatchObject({
      autonomousSystem: 'private',
      asn: undefined,
    });
  });
});

describe('locality', () => {
  it('is private or public', async () => {
    expect((await described(localityStep, {}, '10.0.0.1', true)).locality).toBe('private');
    expect((await described(localityStep, {}, '8.8.8.8')).locality).toBe('public');
  });
});

async function described<Options>(
  definition: StepDefinition<Options>,
  options: Options,
  text: string,
  isPrivate = false,
): Promise<AddressFacts> {
  const step = await definition.create(options, { folder, logger: silentLogger });
  const facts: AddressFacts = {
    text,
    version: text.includes(':') ? 6 : 4,
    isPrivate,
    hostname: text,
    autonomousSystem: undefined,
    asn: undefined,
    country: undefined,
    countryCode: undefined,
    city: undefined,
    location: undefined,
    locality: undefined,
    hostnameDueS: undefined,
    reputation: undefined,
    words: undefined,
  };
  step.describe?.(facts);
  return facts;
}
