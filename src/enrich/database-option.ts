// The option `database` of steps that read one: a path, or a list of paths. Comes out as a list.

import { z } from 'zod';
import { filePath } from './setting-types.ts';

const path = filePath('the path of a .mmdb file');

/** Sources that split their database have a file for IPv4 and one for IPv6. */
const maxFiles = 2;

export const databasePaths = z
  .union(
    [
      path,
      z
        .array(path)
        .min(1, { error: 'the list of databases is empty' })
        .max(maxFiles, { error: 'expected at most two databases: one for IPv4, one for IPv6' }),
    ],
    {
      error: 'expected the path of a .mmdb file, or a list of two',
    },
  )
  .transform((value): readonly string[] => (typeof value === 'string' ? [value] : value));
