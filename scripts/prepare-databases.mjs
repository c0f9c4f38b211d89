// Makes the AS database after a build, so that the first start need not (`npm run build` calls this).
// The build goes on without it: a start makes it, or says what is wrong.

import { ensureAsnDatabase } from '../dist/enrich/asn-database.js';

try {
  await ensureAsnDatabase();
} catch (error) {
  console.warn(`The AS database was not made: ${error.message}. ${error.hint ?? ''}`);
}
