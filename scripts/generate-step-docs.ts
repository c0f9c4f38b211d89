// Writes docs/steps.md from the definitions of the steps: `npx tsx scripts/generate-step-docs.ts`.

import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stepCatalog } from '../src/enrich/step-catalog.ts';
import { costsMeasuredOn, type StepPage, toStepPage } from '../src/enrich/step-page.ts';

export const stepDocsFile = fileURLToPath(new URL('../docs/steps.md', import.meta.url));

export function toStepDocs(): string {
  const pages = stepCatalog.map(toStepPage);
  return `# Steps

Generated from \`src/enrich/steps/\` by \`scripts/generate-step-docs.ts\`. \`weir steps NAME\` shows the same.

What happens to each flow, in the order in which the [pipeline file](pipelines.md#steps) lists them. The examples are tests: each record goes
through its step, and the document has what is shown (\`null\`: the field is absent; \`dropped\`: there is no document).

Costs are µs of ${costsMeasuredOn}, per document, beside the 4 to 6 µs that each document costs anyway; a step that is not in the file
costs nothing. \`npm run bench steps\` measures them on your machine.

| step | does | µs |
|---|---|---|
${pages.map(({ name, summary, microseconds }) => `| [\`${name}\`](#${name}) | ${cell(summary)} | ${microseconds} |`).join('\n')}

${pages.map(toSection).join('\n')}`;
}

function toSection({ name, summary, options, reads, writes, cost, examples }: StepPage): string {
  const rows = options.map(
    ({ name: option, type, default: preset, isRequired, description }) =>
      `| \`${option}\` | ${cell(type)} | ${isRequired ? 'required' : preset === undefined ? 'none' : `\`${cell(preset)}\``} | ${cell(description)} |`,
  );
  const table = ['| option | type | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
  const parts = [
    `## ${name}`,
    summary,
    options.length === 0 ? 'It has no options.' : table,
    `Reads ${listed(reads)}. Writes ${listed(writes)}.`,
    `Costs ${cost}`,
    ...examples.map(
      ({ title, step, record, becomes }) =>
        `- ${title}:\n\n  \`\`\`\n  step:     ${step}\n  record:   ${record}\n  document: ${becomes}\n  \`\`\``,
    ),
  ];
  return `${parts.join('\n\n')}\n`;
}

function listed(fields: readonly string[]): string {
  return fields.length === 0 ? 'nothing' : fields.map((field) => `\`${field}\``).join(', ');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(stepDocsFile, toStepDocs());
