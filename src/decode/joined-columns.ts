// The columns that options records add to the rows of a flow template: which ones its columns have keys for, and by which of them.
// A layout gets a joined column only once its exporter taught a table for it, so exporters that teach nothing cost nothing.

import { type Column, joinedNames, joinedSamplingInterval } from '../model/record.ts';
import { factKinds, type NameTables } from './options-store.ts';

export type JoinedColumn = SamplingColumn | NameColumn;

/** Keys are column numbers, or undefined where a template has no such column. */
export interface SamplingColumn {
  readonly kind: 'sampling';
  readonly selector: number | undefined;
  readonly sequence: number | undefined;
  readonly ingressInterface: number | undefined;
}

export interface NameColumn {
  readonly kind: 'name';
  readonly table: keyof NameTables;
  readonly key: number;
}

export interface PossibleJoin {
  readonly column: Column;
  readonly join: JoinedColumn;
  /** It is joined where there are facts of one of these kinds (options-store.ts). */
  readonly factKinds: number;
}

export function toPossibleJoins(columnOf: ReadonlyMap<string, number>): readonly PossibleJoin[] {
  const joins: PossibleJoin[] = [];
  const selector = columnOf.get('samplerId') ?? columnOf.get('selectorId');
  const sequence = columnOf.get('selectionSequenceId');
  const ingressInterface = columnOf.get('ingressInterface');
  joins.push({
    column: { name: joinedSamplingInterval, type: 'number' },
    join: { kind: 'sampling', selector, sequence, ingressInterface },
    factKinds:
      factKinds.wide |
      (selector === undefined ? 0 : factKinds.selectors) |
      (sequence === undefined ? 0 : factKinds.sequences) |
      (ingressInterface === undefined ? 0 : factKinds.interfaces),
  });

  const add = (name: string, table: keyof NameTables, key: number | undefined): void => {
    if (key === undefined) return;
    joins.push({ column: { name, type: 'text' }, join: { kind: 'name', table, key }, factKinds: factKinds[table] });
  };
  const ingress = ingressInterface ?? columnOf.get('ingressPhysicalInterface');
  const egress = columnOf.get('egressInterface') ?? columnOf.get('egressPhysicalInterface');
  add(joinedNames.ingressInterfaceName, 'interfaceNames', ingress);
  add(joinedNames.egressInterfaceName, 'interfaceNames', egress);
  add(joinedNames.ingressInterfaceDescription, 'interfaceDescriptions', ingress);
  add(joinedNames.egressInterfaceDescription, 'interfaceDescriptions', egress);
  // What the flow says itself needs no table.
  const application = columnOf.has('applicationName') ? undefined : columnOf.get('applicationId');
  add(joinedNames.applicationName, 'applicationNames', application);
  add(joinedNames.ingressVrfName, 'vrfNames', columnOf.get('ingressVRFID'));
  add(joinedNames.egressVrfName, 'vrfNames', columnOf.get('egressVRFID'));
  return joins;
}
