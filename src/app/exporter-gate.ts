// Who may send: the addresses of `collect: exporters: allow` (docs/operations.md). Asked for each datagram before it is decoded.

import { createPrefixTable, readPrefix } from '../enrich/prefix-table.ts';
import { createRecentMap } from '../enrich/recent-map.ts';
import { WeirError } from '../model/errors.ts';

/** Answers are remembered, for a look-up in the table parses its text; 100 bytes each, and forged sources displace the oldest. */
const maxRemembered = 20_000;

/** Without subnets everybody may. */
export function createExporterGate(subnets: readonly string[] | undefined): (exporter: string) => boolean {
  if (subnets === undefined) return () => true;
  const allowed = createPrefixTable(subnets.map((subnet) => [subnet, true]));
  const remembered = createRecentMap<string, boolean>(maxRemembered);
  return (exporter) => remembered.get(exporter) ?? remembered.add(exporter, allowed.lookup(exporter) !== undefined);
}

/** The same for what was said on the command line. Throws WeirError `usage`. */
export function createExporterFilter(subnets: readonly string[] | undefined): (exporter: string) => boolean {
  const wrong = subnets?.find((subnet) => readPrefix(subnet) === undefined);
  if (wrong === undefined) return createExporterGate(subnets);
  throw new WeirError('usage', `--exporter ${wrong}: expected an address, or a subnet such as 10.0.0.0/8`);
}
