// A diagnosis as text for people: what each check saw, then what to mend.

import { styleText } from 'node:util';
import type { Finding } from '../../model/finding.ts';
import { toCountText } from '../count-text.ts';
import type { CheckResult } from './check.ts';
import type { Diagnosis } from './doctor.ts';

type Style = Parameters<typeof styleText>[0];

/** Ends with a newline. */
export function toDoctorText({ file, checks, findings }: Diagnosis, withColors: boolean): string {
  const paint = (style: Style, text: string): string =>
    withColors ? styleText(style, text, { validateStream: false }) : text;
  const lines = [`weir doctor ${file}`, '', ...checks.map((check) => toCheckLine(check, paint)), ''];
  if (findings.length === 0) return `${[...lines, paint('green', 'Nothing to mend.')].join('\n')}\n`;
  const errors = findings.filter(({ severity }) => severity === 'error').length;
  const sum = [
    errors > 0 && toCountText(errors, 'error'),
    errors < findings.length && toCountText(findings.length - errors, 'warning'),
  ].filter((text) => text !== false);
  lines.push(paint('bold', `To mend: ${sum.join(', ')}`));
  findings.forEach((finding, at) => {
    lines.push('', ...toFindingLines(finding, at + 1, paint));
  });
  return `${lines.join('\n')}\n`;
}

function toCheckLine(
  { what, findings, said, isBlind }: CheckResult,
  paint: (style: Style, text: string) => string,
): string {
  const isWrong = findings.some(({ severity }) => severity === 'error');
  const mark = isBlind
    ? paint('yellow', '?      ')
    : isWrong
      ? paint('red', 'ERROR  ')
      : findings.length > 0
        ? paint('yellow', 'warning')
        : paint('green', 'ok     ');
  return `${mark} ${what}: ${said}`;
}

function toFindingLines(
  { id, severity, title, why, fix }: Finding,
  number: number,
  paint: (style: Style, text: string) => string,
): readonly string[] {
  const mark = severity === 'error' ? paint('red', 'ERROR') : paint('yellow', 'warning');
  return [
    `${number}. ${mark} ${paint('bold', `${title}.`)} [${id}]`,
    `   ${why}`,
    ...fix.map((line) => `     ${line.startsWith('#') ? line : paint('cyan', line)}`),
  ];
}
