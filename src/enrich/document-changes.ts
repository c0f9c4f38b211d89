// What steps add to a document beside the properties of FlowDocument: labels of the user, and changes of stored fields
// that have no property of their own. One object is reused for all rows; a document without changes never comes here.

import { quoted } from './json-text.ts';
import { unindexedName } from './stored-columns.ts';

/** A new value as it is stored; null: the field is taken out. */
export type Change = string | number | null;

/** Name without `labels.` → text. Clearing it makes nothing new. */
export class Labels {
  size = 0;
  private readonly names: string[] = [];
  private readonly texts: (string | undefined)[] = [];

  get(name: string): string | undefined {
    for (let i = 0; i < this.size; i++) if (this.names[i] === name) return this.texts[i];
    return undefined;
  }

  /** Undefined: the label goes. */
  set(name: string, text: string | undefined): void {
    let at = 0;
    while (at < this.size && this.names[at] !== name) at++;
    if (at === this.size) {
      if (text === undefined) return;
      this.names[at] = name;
      this.size += 1;
    }
    this.texts[at] = text;
  }

  clear(): void {
    this.size = 0;
  }

  /** `"name":"text",…`; empty when there is none. */
  toJson(): string {
    let json = '';
    for (let i = 0; i < this.size; i++) {
      const text = this.texts[i];
      if (text !== undefined) json += `${json === '' ? '' : ','}"${this.names[i]}":${quoted(text)}`;
    }
    return json;
  }
}

export class DocumentChanges {
  /** Something was changed since the last `clear`. */
  isUsed = false;
  /** At most as many as the pipeline file names, and as a rule a few: a list is quicker than a map. */
  readonly labels = new Labels();
  /** Stored path → change. */
  readonly fields = new Map<string, Change>();

  setLabel(name: string, text: string | undefined): void {
    if (text !== undefined) this.isUsed = true;
    this.labels.set(name, text);
  }

  setField(path: string, change: Change): void {
    this.isUsed = true;
    this.fields.set(path, change);
  }

  clear(): void {
    if (!this.isUsed) return;
    this.isUsed = false;
    this.labels.clear();
    if (this.fields.size > 0) this.fields.clear();
  }
}

/** `text` is a whole document with its newline, as byte text; so is what comes out. */
export function changedDocument(text: string, changes: DocumentChanges): string {
  const document = text.slice(0, -1);
  const changed = changes.fields.size === 0 ? document : withChangedFields(document, changes.fields);
  const labels = labelsText(changes);
  return labels === '' ? `${changed}\n` : `${changed.slice(0, -1)}${labels}}\n`;
}

/** The last member of a document; empty where there are no labels. */
export function labelsText({ labels }: DocumentChanges): string {
  const members = labels.toJson();
  return members === '' ? '' : `,"labels":{${members}}`;
}

function withChangedFields(text: string, fields: ReadonlyMap<string, Change>): string {
  const objects = new Map<string, Map<string, Change>>();
  for (const [path, change] of fields) {
    const dot = path.indexOf('.');
    const object = path.slice(0, dot);
    let members = objects.get(object);
    if (members === undefined) {
      members = new Map();
      objects.set(object, members);
    }
    members.set(path.slice(dot + 1), change);
  }
  return editObject(text, 0, ({ name, from, to }) => {
    const members = objects.get(name);
    return members === undefined ? undefined : editMembers(text.slice(from, to), members);
  });
}

/** `text` is one object, whose members are replaced, taken out, or added at its end. */
function editMembers(text: string, members: Map<string, Change>): string {
  const edited = editObject(text, 0, ({ name, from, to }) => {
    // What a record's object holds below `unindexed` has the same paths for whoever writes a pipeline file.
    if (name === unindexedName) return editMembers(text.slice(from, to), members);
    const change = members.get(name);
    if (change === undefined) return undefined;
    members.delete(name);
    return change === null ? '' : changeText(change);
  });
  let added = '';
  for (const [name, change] of members) if (change !== null) added += `,"${name}":${changeText(change)}`;
  if (added === '') return edited;
  return edited === '{}' ? `{${added.slice(1)}}` : `${edited.slice(0, -1)}${added}}`;
}

function changeText(change: string | number): string {
  return typeof change === 'number' ? String(change) : quoted(change);
}

interface Member {
  readonly name: string;
  /** The value's place in the text. */
  readonly from: number;
  readonly to: number;
}

/** Asks for each member of the object at `open` what its value becomes: text, '' to take it out, undefined to leave it. */
function editObject(text: string, open: number, edit: (member: Member) => string | undefined): string {
  let result = '';
  /** What is copied up to here ends behind a member, before its comma. */
  let copied = open;
  let isFirst = true;
  let at = open + 1;
  while (text.charCodeAt(at) === quote) {
    const start = at;
    const nameEnd = endOfString(text, at);
    const from = nameEnd + 1;
    const to = endOfValue(text, from);
    const value = edit({ name: text.slice(start + 1, nameEnd - 1), from, to });
    if (value !== undefined) {
      const before = isFirst ? open + 1 : start - 1;
      if (value === '') {
        result += text.slice(copied, before);
        // Of a first member its comma goes, too, so that the next one is the first.
        copied = isFirst && text.charCodeAt(to) === comma ? to + 1 : to;
        at = to + 1;
        if (text.charCodeAt(to) !== comma) break;
        continue;
      }
      result += text.slice(copied, from) + value;
      copied = to;
    }
    isFirst = false;
    if (text.charCodeAt(to) !== comma) break;
    at = to + 1;
  }
  return copied === open ? text : result + text.slice(copied);
}

const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;

/** Position behind the closing quote of the JSON text that opens at `open`. */
export function endOfString(text: string, open: number): number {
  let at = open + 1;
  for (;;) {
    const close = text.indexOf('"', at);
    if (close < 0) return text.length;
    let slashes = 0;
    while (text.charCodeAt(close - 1 - slashes) === backslash) slashes++;
    if (slashes % 2 === 0) return close + 1;
    at = close + 1;
  }
}

/** Position behind the value that begins at `from`. The text is JSON that we made, without spaces. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = endOfString(text, at);
      if (depth === 0) return at;
      continue;
    }
    if (code === 0x7b || code === 0x5b) depth++;
    else if (code === 0x7d || code === 0x5d) {
      if (depth === 0) return at;
      if (--depth === 0) return at + 1;
    } else if (code === comma && depth === 0) return at;
    at++;
  }
  return at;
}
