// Can Kibana be used, and are our dashboards there?

import { readFile } from 'node:fs/promises';
import { type KibanaTarget, withElasticsearchAccess } from '../../enrich/kibana-section.ts';
import type { ElasticsearchTarget } from '../../enrich/pipeline-file.ts';
import { createKibanaClient } from '../../index/kibana-client.ts';
import { planImport } from '../../index/kibana-import.ts';
import { readSavedObjects } from '../../index/kibana-objects.ts';
import { checkSpace, readKibanaVersion } from '../../index/kibana-readiness.ts';
import { WeirError } from '../../model/errors.ts';
import { toFinding } from '../findings/catalog.ts';
import { savedObjectsFile } from '../kibana-setup.ts';
import { type Check, type Checked, serverLimitMs } from './check.ts';

export function checkKibana(target: KibanaTarget, elasticsearch: ElasticsearchTarget | undefined, path: string): Check {
  const client = createKibanaClient(withElasticsearchAccess(target, elasticsearch));
  const server = client.address;
  return {
    what: `Kibana ${server}`,
    async run(): Promise<Checked> {
      const signal = AbortSignal.timeout(serverLimitMs);
      try {
        const version = await readKibanaVersion(client, 0, signal);
        await checkSpace(client, signal);
        const objects = readSavedObjects(await readFile(savedObjectsFile, 'utf8'));
        const plan = await planImport(client, objects, false, signal);
        const count = (state: string) => plan.objects.filter((planned) => planned.state === state).length;
        const [absent, older] = [count('new'), count('changed by weir')];
        const what = [absent > 0 && `${absent} are not there`, older > 0 && `${older} are older`]
          .filter(Boolean)
          .join(', ');
        const findings = what === '' ? [] : [toFinding('dashboards-missing', { server, what, file: path })];
        return {
          findings,
          said: `Kibana ${version}, ${plan.objects.length - absent} of ${plan.objects.length} objects of ours`,
        };
      } catch (error) {
        if (!(error instanceof WeirError)) throw error;
        const hint = error.hint === undefined ? `curl ${server}/api/status` : `# ${error.hint}`;
        return { findings: [toFinding('kibana-away', { server, reason: error.message, hint })], said: error.message };
      } finally {
        await client.close();
      }
    },
  };
}
