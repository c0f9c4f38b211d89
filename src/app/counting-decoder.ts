// A decoder whose faults and sequence numbers are counted in the ledger, and said in the log a few times.

import { createDecoder, type Decoder } from '../decode/decoder.ts';
import { createInformationElements } from '../decode/information-elements.ts';
import type { PipelineFile } from '../enrich/pipeline-file.ts';
import type { Fault } from '../model/fault.ts';
import type { SequenceChange } from '../model/sequence.ts';
import { countFault, countSequence, type Ledger } from '../telemetry/ledger.ts';
import { createRateLimit, type Logger } from '../telemetry/logger.ts';

export interface CountingDecoderOptions {
  readonly decode: PipelineFile['decode'];
  /** Asked at each count. */
  readonly ledger: () => Ledger;
  readonly logger: Logger;
  readonly now: () => number;
}

export interface CountingDecoder {
  readonly decoder: Decoder;
  /** For faults that were found before the decoder: of messages over TCP. */
  onFault(fault: Fault): void;
}

export function createCountingDecoder({ decode, ledger, logger, now }: CountingDecoderOptions): CountingDecoder {
  const pass = createRateLimit();
  const decoder = createDecoder({
    onFault,
    onSequence,
    elements: createInformationElements(decode.elements),
    tunnels: decode.tunnels,
  });

  function onFault(fault: Fault): void {
    countFault(ledger().exporter(fault.exporter), fault.code);
    const heldBack = pass(`${fault.exporter} ${fault.code}`, now());
    if (heldBack !== undefined) logger.warn({ ...fault, ...(heldBack > 0 && { heldBack }) }, `fault: ${fault.code}`);
  }

  function onSequence(change: SequenceChange): void {
    countSequence(ledger().exporter(change.exporter), change);
    const { exporter, protocol, domain, restarted, unusable, trouble } = change;
    if (restarted === 0 && unusable === 0) return;
    const what = restarted > 0 ? 'restart' : `sequence ${unusable}`;
    if (pass(`${exporter} ${what}`, now()) === undefined) return;
    const about = { exporter, protocol, domain };
    if (restarted > 0)
      logger.info(about, 'an exporter has restarted; its templates are kept until it defines them anew');
    else if (unusable > 0)
      logger.warn(
        { ...about, reason: trouble },
        'sequence numbers unusable: loss on the way from this exporter is not known',
      );
    else logger.info(about, 'sequence numbers make sense again');
  }

  return { decoder, onFault };
}
