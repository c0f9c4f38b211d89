// May a socket have the receive buffer that the pipeline file asks for?

import { readFile } from 'node:fs/promises';
import type { PipelineFile } from '../../enrich/pipeline-file.ts';
import { toFinding } from '../findings/catalog.ts';
import { toBinarySizeText } from './binary-size.ts';
import type { Check } from './check.ts';

export function checkReceiveBuffer({ collect }: PipelineFile, procFolder = '/proc'): Check {
  return {
    what: 'receive buffers',
    async run() {
      const wanted = collect.receiveBufferBytes;
      const text = await readFile(`${procFolder}/sys/net/core/rmem_max`, 'utf8').catch(() => '');
      const most = Number(text.trim());
      if (text === '' || !Number.isSafeInteger(most))
        return { findings: [], said: 'this system does not tell its limit' };
      if (most >= wanted) return { findings: [], said: `${toBinarySizeText(wanted)}, as asked for` };
      const values = { given: toBinarySizeText(most), wanted: toBinarySizeText(wanted), bytes: wanted };
      return { findings: [toFinding('receive-buffer-small', values)], said: toBinarySizeText(most) };
    },
  };
}
