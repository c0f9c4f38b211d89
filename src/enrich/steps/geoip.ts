// Step `geoip`: country, city and location of public addresses.

import { resolve } from 'node:path';
import { z } from 'zod';
import type { AddressFacts } from '../address-facts.ts';
import { databasePaths } from '../database-option.ts';
import { createMmdbFaultNote } from '../fault-note.ts';
import { countryDatabasePath, openGeoDatabase } from '../geo-database.ts';
import { fixedFile, openReloadingFile } from '../reloading-file.ts';
import type { StepDefinition } from '../step.ts';

const options = z.strictObject({
  database: databasePaths
    .optional()
    .describe(
      'A country or city database (.mmdb: GeoLite2, DB-IP, ip-location-db), from the folder of the pipeline file; a list where IPv4 and IPv6 have a file each. Default: the country database that comes with weir.',
    ),
});

export type GeoipOptions = z.infer<typeof options>;

export const geoipStep: StepDefinition<GeoipOptions> = {
  name: 'geoip',
  summary: 'Finds country, city and location of public addresses; city and location with a city database of your own.',
  options,
  reads: ['flow.src_addr', 'flow.dst_addr'],
  writes: ['src', 'dst', 'client', 'server']
    .flatMap((side) => ['country', 'country_code', 'city', 'geo_location'].map((field) => `flow.${side}_${field}`))
    .concat('flow.country', 'flow.country_code', 'flow.city'),
  cost: {
    microseconds: 0.4,
    remark: 'An address is looked up once, and then known; the rest is the writing of what was found.',
  },
  examples: [
    {
      title: 'the country of a public address',
      options: {},
      record: { sourceIPv4Address: '10.0.0.115', destinationIPv4Address: '8.8.8.8' },
      expect: {
        'flow.dst_country': 'United States',
        'flow.dst_country_code': 'US',
        'flow.country': 'United States',
        'flow.src_country': null,
      },
    },
    {
      title: 'a private address has no place',
      options: {},
      record: { sourceIPv6Address: 'fd00::1', destinationIPv6Address: 'fe80::1' },
      expect: { 'flow.src_country': null, 'flow.dst_country': null, 'flow.country': null },
    },
  ],
  async create({ database }, context) {
    const { folder, logger } = context;
    const paths = database?.map((path) => resolve(folder, path)) ?? [countryDatabasePath()];
    const noteFault = createMmdbFaultNote('geoip', context);
    const open = () => openGeoDatabase(paths, 'database', { noteFault, rests: database === undefined });
    const openFixed = async () => {
      const opened = await open();
      return fixedFile(opened, opened.close);
    };
    const places =
      database === undefined ? await openFixed() : await openReloadingFile({ name: 'geoip', paths, open, logger });

    function describe(facts: AddressFacts): void {
      const place = facts.isPrivate ? undefined : places.current.lookup(facts.text, facts.version);
      if (place === undefined) return;
      facts.country = place.country;
      facts.countryCode = place.countryCode;
      facts.city = place.city;
      facts.location = place.location;
    }

    return { describe, factsVersion: () => places.version, watched: [places], close: async () => places.stop() };
  },
};
