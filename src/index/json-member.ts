// Cuts members out of JSON text and leaves every other byte as it is: parsing and writing it again would round integers above 2^53.
// Input: one JSON object as text, and a full name (`flow.src_addr`), which may stand nested or with dots in its keys.

export interface MemberCut {
  /** The text without the members of that name. */
  readonly text: string;
  /** JSON text of the first one that was cut. */
  readonly value: string;
}

interface Member {
  /** Where to cut: one of the commas beside it is in between. */
  readonly begin: number;
  readonly end: number;
  readonly value: string;
}

/** Objects in an array may each have the member; a document that repeats it more often is not worth the work. */
const maxCuts = 100;

/** Elasticsearch allows 20 levels by default. */
const maxDepth = 100;

/** Undefined where the object has no such member, or the text is no JSON object. */
export function cutMember(text: string, name: string): MemberCut | undefined {
  if (!isJson(text)) return undefined;
  let rest = text;
  let value: string | undefined;
  for (let cuts = 0; cuts < maxCuts; cuts += 1) {
    const member = findMember(rest, name);
    if (member === undefined) break;
    value ??= member.value;
    rest = rest.slice(0, member.begin) + rest.slice(member.end);
  }
  return value === undefined ? undefined : { text: rest, value };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The text is known to be well-formed JSON. */
function findMember(text: string, name: string): Member | undefined {
  let at = 0;
  let depth = 0;
  let found: Member | undefined;

  /** Found, or given up. */
  function isOver(): boolean {
    return found !== undefined || at >= text.length;
  }

  function skipSpace(): void {
    while (at < text.length && text.charCodeAt(at) <= 0x20) at += 1;
  }

  function skipString(): void {
    for (at += 1; text[at] !== '"'; at += 1) if (text[at] === '\\') at += 1;
    at += 1;
  }

  /** `path` is what stands before names in here, its dot included; undefined where the name can't be. */
  function skipValue(path: string | undefined): void {
    const first = text[at];
    if (first === '"') skipString();
    else if (first === '{' || first === '[') {
      depth += 1;
      if (depth > maxDepth) at = text.length;
      else if (first === '{') skipObject(path);
      else skipArray(path);
      depth -= 1;
    } else while (at < text.length && !',]} \t\r\n'.includes(text[at]!)) at += 1;
  }

  function skipArray(path: string | undefined): void {
    for (at += 1; ; at += 1) {
      skipSpace();
      if (text[at] !== ']') skipValue(path);
      if (isOver()) return;
      skipSpace();
      if (text[at] === ']') break;
    }
    at += 1;
  }

  function skipObject(path: string | undefined): void {
    let comma: number | undefined;
    for (at += 1; ; at += 1) {
      skipSpace();
      if (text[at] === '}') break;
      const begin = at;
      skipString();
      const full = path === undefined ? undefined : path + String(JSON.parse(text.slice(begin, at)));
      skipSpace();
      at += 1;
      skipSpace();
      const valueBegin = at;
      skipValue(full !== undefined && name.startsWith(`${full}.`) ? `${full}.` : undefined);
      if (isOver()) return;
      const end = at;
      skipSpace();
      if (full === name) {
        const value = text.slice(valueBegin, end);
        // The comma before it goes with it; that behind it where it is the first one.
        if (comma !== undefined) found = { begin: comma, end, value };
        else found = { begin, end: text[at] === ',' ? at + 1 : end, value };
        return;
      }
      if (text[at] === '}') break;
      comma = at;
    }
    at += 1;
  }

  skipSpace();
  if (text[at] === '{') skipObject('');
  return found;
}
