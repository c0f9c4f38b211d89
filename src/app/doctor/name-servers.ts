// Do the name servers answer that the step `hostname` asks?

import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import type { HostnameOptions } from '../../enrich/steps/hostname.ts';
import { toFinding } from '../findings/catalog.ts';
import type { Check } from './check.ts';

export function checkNameServers({ steps }: PipelineFile): readonly Check[] {
  return steps
    .filter(({ name }) => name === 'hostname')
    .map(({ options }) => ({
      what: 'name servers',
      async run() {
        const { askNameServers } = await import('../../enrich/steps/hostname.ts');
        const answers = await askNameServers(options as HostnameOptions);
        const findings = answers.flatMap(({ server, failure }) =>
          failure === undefined ? [] : [toFinding('dns-silent', { server, reason: failure })],
        );
        const good = answers.filter(({ failure }) => failure === undefined).map(({ server }) => server);
        return { findings, said: answers.length === 0 ? 'none is asked' : `${good.join(', ') || 'none'} answers` };
      },
    }));
}
