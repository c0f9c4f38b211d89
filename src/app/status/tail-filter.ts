// What somebody types above the live documents: words that must all be in a document (`10.0.0.1 https`), or not (`-udp`), or be the
// value of a field (`flow.dst_port:443`, `flow.src_addr:10.1.*`). Upper and lower case are the same.

/** A document's line, as bytes. */
export type TailFilter = (line: Buffer) => boolean;

const maxLength = 200;
const maxWords = 10;

/** Undefined: longer than anybody types. */
export function createTailFilter(text: string): TailFilter | undefined {
  const words = text.trim().split(/\s+/).filter(Boolean);
  if (text.length > maxLength || words.length > maxWords) return undefined;
  const tests = words.map(toTest);
  if (tests.length === 0) return () => true;
  return (line) => {
    const document: Document = { text: line.toString('utf8').toLowerCase(), value: undefined };
    return tests.every((test) => test(document));
  };
}

interface Document {
  /** In lower case. */
  readonly text: string;
  /** The same, parsed, once a test needs it. */
  value: unknown;
}

type Test = (document: Document) => boolean;

function toTest(word: string): Test {
  const isNot = word.startsWith('-') && word.length > 1;
  const plain = (isNot ? word.slice(1) : word).toLowerCase();
  const match = /^([@\w]+(?:\.\w+)*):(.+)$/.exec(plain);
  // Addresses of IPv6 and MAC have colons, too: the name of a field has a dot, or an @.
  const isField = match?.[1] !== undefined && /[.@]/.test(match[1]);
  const test: Test = isField ? toFieldTest(match?.[1] ?? '', match?.[2] ?? '') : ({ text }) => text.includes(plain);
  return isNot ? (document) => !test(document) : test;
}

function toFieldTest(path: string, pattern: string): Test {
  const keys = path.split('.');
  const isBegin = pattern.endsWith('*');
  const wanted = isBegin ? pattern.slice(0, -1) : pattern;
  const member = `"${keys.at(-1)}":`;
  const fits = (value: unknown): boolean => {
    if (Array.isArray(value)) return value.some(fits);
    if (value === undefined || value === null || typeof value === 'object') return false;
    return isBegin ? String(value).startsWith(wanted) : String(value) === wanted;
  };
  return (document) => {
    // Reading a document takes ten times as long as seeing that its text has no such field and value.
    if (!hasMember(document.text, member, wanted)) return false;
    document.value ??= JSON.parse(document.text);
    let value = document.value;
    for (const key of keys) {
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return false;
      value = (value as Readonly<Record<string, unknown>>)[key];
    }
    return fits(value);
  };
}

/** False: no field of this name begins so. Lists, and what JSON writes with a backslash, are for the reader to tell. */
function hasMember(text: string, member: string, wanted: string): boolean {
  for (let at = text.indexOf(member); at >= 0; at = text.indexOf(member, at + 1)) {
    const start = at + member.length + (text[at + member.length] === '"' ? 1 : 0);
    if (text.startsWith(wanted, start) || text[start] === '[' || /["\\]/.test(wanted)) return true;
  }
  return false;
}
