// All steps, by alphabet: what a pipeline file may name.

import type { StepDefinition } from './step.ts';
import { asnStep } from './steps/asn.ts';
import { dropStep } from './steps/drop.ts';
import { geoipStep } from './steps/geoip.ts';
import { localityStep } from './steps/locality.ts';
import { samplingStep } from './steps/sampling.ts';
import { serverStep } from './steps/server.ts';
import { servicesStep } from './steps/services.ts';

export const stepCatalog: readonly StepDefinition<unknown>[] = [
  asnStep,
  dropStep,
  geoipStep,
  localityStep,
  samplingStep,
  serverStep,
  servicesStep,
];
