// `weir healthcheck`: asks the weir of a pipeline file, on this machine, whether it is ready (or alive), for orchestrators and scripts.

import type { PipelineFile } from '../enrich/pipeline-file.ts';
import { WeirError } from '../model/errors.ts';
import { askWeir, toNotReadyText } from './weir-http.ts';

export interface Health {
  readonly isGood: boolean;
  /** One line, without its end. */
  readonly line: string;
}

/** Throws WeirError where the file turns HTTP off. */
export async function checkHealth({ path, telemetry }: PipelineFile, question: 'livez' | 'readyz'): Promise<Health> {
  if (telemetry.http === undefined || telemetry.http.port === 0) {
    throw new WeirError('pipeline-invalid', `${path}: telemetry.http names no address and port that could be asked`, {
      hint: 'Write telemetry: { http: "127.0.0.1:8081" }.',
    });
  }
  const { url, answer, reason } = await askWeir(telemetry.http, `/${question}`);
  if (answer === undefined) return { isGood: false, line: `no answer from ${url}: ${reason}` };
  if (answer.status === 200) return { isGood: true, line: question === 'livez' ? 'alive' : 'ready' };
  return {
    isGood: false,
    line: `not ${question === 'livez' ? 'alive' : 'ready'}: ${toNotReadyText(answer.text) ?? `HTTP ${answer.status}`}`,
  };
}
