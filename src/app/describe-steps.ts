// `weir steps [NAME]`: the steps that a pipeline file may name; of one of them its options, fields and examples. Text or JSON.

import { didYouMean } from '../enrich/did-you-mean.ts';
import { toJsonSchema } from '../enrich/pipeline-json-schema.ts';
import { stepCatalog } from '../enrich/step-catalog.ts';
import { costsMeasuredOn, type OptionRow, type StepPage, toStepPage } from '../enrich/step-page.ts';
import { WeirError } from '../model/errors.ts';

/** Text that ends with a newline. Throws WeirError `usage` for a step that does not exist. */
export function describeSteps(name: string | undefined, { json }: { readonly json: boolean }): string {
  const chosen = name === undefined ? stepCatalog : stepCatalog.filter((step) => step.name === name);
  if (name !== undefined && chosen.length === 0) {
    const names = stepCatalog.map((step) => step.name);
    throw new WeirError('usage', `unknown step ${JSON.stringify(name)}${didYouMean(name, names, 'the steps are')}`, {
      hint: 'weir steps lists them all.',
    });
  }
  if (json) {
    const shown = chosen.map(({ name, summary, options, reads, writes, cost, examples }) => ({
      name,
      summary,
      options: toJsonSchema(options),
      reads,
      writes,
      cost,
      examples,
    }));
    return `${JSON.stringify(name === undefined ? shown : shown[0], null, 2)}\n`;
  }
  const pages = chosen.map(toStepPage);
  return name === undefined ? toList(pages) : pages.map(toPage).join('\n');
}

function toList(pages: readonly StepPage[]): string {
  return pages
    .map(
      ({ name, microseconds, summary }) => `${name.padEnd(nameWidth)}${`${microseconds}`.padStart(4)} µs  ${summary}\n`,
    )
    .join('');
}

const nameWidth = 14;

function toPage({ name, summary, options, reads, writes, cost, examples }: StepPage): string {
  const sections = [
    `${name}\n  ${summary}\n`,
    ...(options.length === 0 ? [] : [`Options\n${options.map(toOption).join('')}`]),
    `Reads\n  ${listed(reads)}\n`,
    `Writes\n  ${listed(writes)}\n`,
    `Costs\n  ${cost}\n  (${costsMeasuredOn})\n`,
    ...examples.map(
      ({ title, step, record, becomes }) =>
        `Example: ${title}\n  step      ${step}\n  record    ${record}\n  document  ${becomes}\n`,
    ),
  ];
  return sections.join('\n');
}

function toOption({ name, type, default: preset, isRequired, description }: OptionRow): string {
  const end = isRequired ? '; required' : preset === undefined ? '' : `; default ${preset}`;
  return `  ${name} (${type.replaceAll('`', '')}${end})\n    ${description}\n`;
}

function listed(fields: readonly string[]): string {
  return fields.length === 0 ? 'nothing' : fields.join(', ');
}
