// Makes the AS database after a build, so that the first start need not (`npm run build` calls this).

import { ensureAsnDatabase } from '../dist/enrich/asn-database.js';

console.log(`AS database: ${await ensureAsnDatabase()}`);
