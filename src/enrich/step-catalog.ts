// All steps, by alphabet: what a pipeline file may name.

import type { StepDefinition } from './step.ts';
import { anonymizeStep } from './steps/anonymize.ts';
import { applicationsStep } from './steps/applications.ts';
import { asnStep } from './steps/asn.ts';
import { communityIdStep } from './steps/community-id.ts';
import { dedupeStep } from './steps/dedupe.ts';
import { directionStep } from './steps/direction.ts';
import { dropStep } from './steps/drop.ts';
import { fieldsStep } from './steps/fields.ts';
import { geoipStep } from './steps/geoip.ts';
import { hostnameStep } from './steps/hostname.ts';
import { interfacesStep } from './steps/interfaces.ts';
import { keepStep } from './steps/keep.ts';
import { localityStep } from './steps/locality.ts';
import { lookupStep } from './steps/lookup.ts';
import { ouiStep } from './steps/oui.ts';
import { reputationStep } from './steps/reputation.ts';
import { sampleStep } from './steps/sample.ts';
import { samplingStep } from './steps/sampling.ts';
import { serverStep } from './steps/server.ts';
import { servicesStep } from './steps/services.ts';
import { splitStep } from './steps/split.ts';
import { vlanNamesStep } from './steps/vlan-names.ts';

export const stepCatalog: readonly StepDefinition<unknown>[] = [
  anonymizeStep,
  applicationsStep,
  asnStep,
  communityIdStep,
  dedupeStep,
  directionStep,
  dropStep,
  fieldsStep,
  geoipStep,
  hostnameStep,
  interfacesStep,
  keepStep,
  localityStep,
  lookupStep,
  ouiStep,
  reputationStep,
  sampleStep,
  samplingStep,
  serverStep,
  servicesStep,
  splitStep,
  vlanNamesStep,
];
