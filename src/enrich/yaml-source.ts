// One YAML file, parsed: its nodes, and where in the text they stand. Mistakes of syntax are collected, not thrown.

import { LineCounter, type Node, parseDocument, Scalar } from 'yaml';
import { isYamlName, type YamlFile } from './yaml-include.ts';
import { yamlExcess } from './yaml-limits.ts';

export interface Place {
  /** As messages name it; absent: the pipeline file itself. */
  readonly file?: string;
  readonly line: number;
  readonly column: number;
}

/** `pipelines/flow.yml:4:5`; `path` is the pipeline file. */
export function placeText({ file, line, column }: Place, path: string): string {
  return `${file ?? path}:${line}:${column}`;
}

export interface Mistake extends Place {
  readonly message: string;
}

export interface Source extends YamlFile {
  /** Nodes by the name of their anchor, as far as the file was read. */
  readonly anchors: Map<string, Node>;
  readonly contents: Node | null;
  /** Its contents are its text as it is, and may be a secret. */
  readonly isText: boolean;
  placeOf(offset: number): Place;
}

/** Not followed by the parser: where it stands is needed. */
const customTags = [{ tag: '!include', resolve: (name: string) => name }];

export function parseSource(file: YamlFile): { readonly source: Source; readonly mistakes: readonly Mistake[] } {
  const lineCounter = new LineCounter();
  const text = file.text.startsWith('\uFEFF') ? file.text.slice(1) : file.text;
  const isIncluded = file.chain.length > 1;

  function placeOf(offset: number): Place {
    const { line, col } = lineCounter.linePos(offset);
    // An empty file has no lines yet.
    return { ...(isIncluded && { file: file.name }), line: Math.max(1, line), column: Math.max(1, col) };
  }

  if (isIncluded && !isYamlName(file.name)) {
    // Where a line ends is the editor's business.
    const contents = new Scalar(text.replace(/[\r\n]+$/, ''));
    return { source: { ...file, text, anchors: new Map(), contents, isText: true, placeOf }, mistakes: [] };
  }
  const excess = yamlExcess(text);
  if (excess !== undefined) {
    const source: Source = { ...file, text, anchors: new Map(), contents: null, isText: false, placeOf };
    return { source, mistakes: [{ ...(isIncluded && { file: file.name }), ...excess }] };
  }
  // Duplicate keys are found by the reader: the parser compares each key with each other one.
  const document = parseDocument(text, { lineCounter, uniqueKeys: false, prettyErrors: false, customTags });
  const mistakes: Mistake[] = [];
  for (const error of [...document.errors, ...document.warnings]) {
    const at = placeOf(error.pos[0]);
    // After the first error of a line the parser stumbles over the rest of it.
    if (mistakes.at(-1)?.line === at.line) continue;
    const message =
      error.code === 'MULTIPLE_DOCS'
        ? 'a pipeline file is one YAML document: "---" begins another'
        : `not YAML: ${sentence(error.message)}${/flow-(?:seq|map)-/.test(error.message) ? quotesWanted : ''}`;
    mistakes.push({ ...at, message });
  }
  return {
    source: { ...file, text, anchors: new Map(), contents: document.contents, isText: false, placeOf },
    mistakes,
  };
}

/** A condition with a list, or a variable, between braces. */
const quotesWanted = '; a text with [ ] { } or a variable in it wants quotes here';

/** Messages of the parser in one line. */
function sentence(message: string): string {
  const line = message.replaceAll(/\s+/g, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
