// What an options layout teaches, by its columns. Worked out once per template; options-store.ts takes the rows.

import { type SamplingColumns, toSamplingColumns } from './sampling-interval.ts';
import { type TypeColumns, toTypeColumns } from './type-information.ts';

/** Column numbers of an options layout; undefined where it has no such column. */
export interface OptionsColumns {
  readonly sampling: SamplingColumns | undefined;
  /** samplerId or selectorId. */
  readonly selector: number | undefined;
  /** RFC 5476 §6.5.1: a Selection Sequence and the selectors that make it up. */
  readonly sequence: number | undefined;
  /** An interface or a template that the record is about, as its scope says. */
  readonly scopeInterface: number | undefined;
  readonly scopeTemplate: number | undefined;
  readonly systemInitTime: number | undefined;
  /** Interfaces that a name is about: scope or not, for Cisco's table has the system as scope. */
  readonly interfaces: readonly number[];
  readonly interfaceName: number | undefined;
  readonly interfaceDescription: number | undefined;
  readonly application: number | undefined;
  readonly applicationName: number | undefined;
  readonly applicationDescription: number | undefined;
  readonly vrfs: readonly number[];
  readonly vrfName: number | undefined;
  /** Counters of the exporter and its metering process, by element name. */
  readonly statistics: readonly (readonly [name: string, column: number])[];
  readonly process: number | undefined;
  readonly types: TypeColumns | undefined;
}

/** Elements 40-42 and 163-168 of the IANA registry. */
const statisticNames = [
  'exportedOctetTotalCount',
  'exportedMessageTotalCount',
  'exportedFlowRecordTotalCount',
  'observedFlowTotalCount',
  'ignoredPacketTotalCount',
  'ignoredOctetTotalCount',
  'notSentFlowTotalCount',
  'notSentPacketTotalCount',
  'notSentOctetTotalCount',
] as const;

/** undefined: records with these columns teach nothing. */
export function toOptionsColumns(
  columnOf: ReadonlyMap<string, number>,
  scopeColumns: readonly string[],
): OptionsColumns | undefined {
  const scope = (name: string) => (scopeColumns.includes(name) ? columnOf.get(name) : undefined);
  const present = (...names: readonly string[]) =>
    names.map((name) => columnOf.get(name)).filter((column) => column !== undefined);
  const columns: OptionsColumns = {
    sampling: toSamplingColumns(columnOf),
    selector: columnOf.get('samplerId') ?? columnOf.get('selectorId'),
    sequence: scope('selectionSequenceId'),
    scopeInterface: scope('scope:interface') ?? scope('ingressInterface'),
    scopeTemplate: scope('scope:template') ?? scope('templateId'),
    systemInitTime: columnOf.get('systemInitTimeMilliseconds'),
    interfaces: present('scope:interface', 'ingressInterface', 'egressInterface'),
    interfaceName: columnOf.get('interfaceName'),
    interfaceDescription: columnOf.get('interfaceDescription'),
    application: columnOf.get('applicationId'),
    applicationName: columnOf.get('applicationName'),
    applicationDescription: columnOf.get('applicationDescription'),
    vrfs: present('ingressVRFID', 'egressVRFID'),
    vrfName: columnOf.get('VRFname'),
    statistics: statisticNames.flatMap((name) => present(name).map((column) => [name, column] as const)),
    process: scope('meteringProcessId') ?? scope('exportingProcessId'),
    types: toTypeColumns(columnOf),
  };
  return teachesSomething(columns) ? columns : undefined;
}

function teachesSomething(columns: OptionsColumns): boolean {
  const { interfaceName, interfaceDescription, applicationName, applicationDescription } = columns;
  return (
    columns.sampling !== undefined ||
    columns.types !== undefined ||
    columns.systemInitTime !== undefined ||
    (columns.sequence !== undefined && columns.selector !== undefined) ||
    (columns.interfaces.length > 0 && (interfaceName ?? interfaceDescription) !== undefined) ||
    (columns.application !== undefined && (applicationName ?? applicationDescription) !== undefined) ||
    (columns.vrfs.length > 0 && columns.vrfName !== undefined) ||
    columns.statistics.length > 0
  );
}
