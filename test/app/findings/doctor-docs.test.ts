import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { doctorPage, toDoctorPage } from '../../../scripts/generate-doctor-docs.ts';

test('the tables of docs/doctor.md are what scripts/generate-doctor-docs.ts makes', () => {
  const page = readFileSync(doctorPage, 'utf8');
  expect(toDoctorPage(page)).toBe(page);
});
