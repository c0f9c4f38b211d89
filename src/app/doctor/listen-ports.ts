// Are the ports free, or held by weir itself? And if not, by whom?

import { type PortHolder, readPortSockets } from '../../collect/port-holders.ts';
import type { ListenAddress, PipelineFile } from '../../enrich/pipeline-file.ts';
import { WeirError } from '../../model/errors.ts';
import type { Finding } from '../../model/finding.ts';
import { tryPort } from '../connect.ts';
import { toFinding } from '../findings/catalog.ts';
import { toAddressText } from '../ports.ts';
import type { Check } from './check.ts';
import type { RunningWeir } from './running-weir.ts';

export function checkListenPorts(file: PipelineFile, asked: Promise<RunningWeir>): Check {
  return {
    what: 'ports',
    async run() {
      const isRunning = (await asked).metrics !== undefined;
      const findings: Finding[] = [];
      const said: string[] = [];
      // One after the other: [::] and 0.0.0.0 share one.
      for (const address of file.listen) {
        const { finding, state } = await checkPort(file, address, isRunning);
        if (finding !== undefined) findings.push(finding);
        said.push(`${toAddressText(address)} ${state}`);
      }
      return { findings, said: said.join(', ') };
    },
  };
}

interface PortState {
  readonly state: string;
  readonly finding?: Finding;
}

async function checkPort(file: PipelineFile, address: ListenAddress, isRunning: boolean): Promise<PortState> {
  const text = toAddressText(address);
  const { port } = address;
  const transport = address.protocol === 'udp' ? 'udp' : 'tcp';
  const reason = await tryPort(file, address).then(
    () => undefined,
    (error: unknown) => {
      if (!(error instanceof WeirError)) throw error;
      return error;
    },
  );
  const shortTransport = transport === 'udp' ? 'u' : 't';
  const sockets = port === 0 ? undefined : await readPortSockets(port, transport);
  const others = (sockets?.holders ?? []).filter((holder) => !isWeir(holder));
  const values = { address: text, port, transport: shortTransport, holder: others.map(toHolderText).join(', ') };
  if (reason === undefined) {
    return others.length === 0 ? { state: 'free' } : { state: 'shared', finding: toFinding('port-shared', values) };
  }
  if (reason.context['reason'] !== 'EADDRINUSE') {
    const hint = reason.hint ?? 'See weir check --connect.';
    return { state: 'refused', finding: toFinding('port-refused', { address: text, reason: reason.message, hint }) };
  }
  const weirs = (sockets?.holders ?? []).filter(isWeir);
  if (isRunning && (weirs.length > 0 || others.length === 0)) {
    if (others.length > 0) return { state: 'shared', finding: toFinding('port-shared', values) };
    return { state: 'held by weir' };
  }
  const holder = [...weirs, ...others].map(toHolderText).join(', ') || 'another program (only root may see which)';
  return { state: 'taken', finding: toFinding('port-taken', { ...values, holder }) };
}

/** Also its workers, and systemd, which holds ports for it. */
function isWeir({ name, command, pid }: PortHolder): boolean {
  if (pid === 1 && name === 'systemd') return true;
  return command.some((word) => /(?:^|\/)weir$|\/app\/main\.[jt]s$/.test(word));
}

function toHolderText({ name, pid }: PortHolder): string {
  return `${name} (process ${pid})`;
}
