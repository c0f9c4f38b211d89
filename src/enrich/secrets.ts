// Which values of a pipeline file are secrets, so that neither `--print` nor a message shows them.

/** Whatever a step may call them. */
const secretKeys = /pass(?:word|phrase)?$|secret|token|^community$|^(?:api_|license_|auth_|priv_)?key$/i;

/** `ES_PASSWORD`, `FEED_KEY`: whatever setting it stands in. */
export function isSecretVariable(name: string): boolean {
  return /pass(?:word|phrase|wd)?$|secret|token|community|credential|(?:^|_)key$/i.test(name);
}

/** Names of steps in between: `['steps', 'anonymize', 'key']`. What lies below a secret key is one, too. */
export function isSecret(path: readonly string[]): boolean {
  return path[0] !== 'tests' && path.some((key) => secretKeys.test(key)) && !isPlainKey(path);
}

const pathsOfKeys = new Set(['collect.tls.key', 'index.elasticsearch.key', 'queue.key']);

/** `key` is also the path of a private key (TLS), and a column of a table (`lookup`). */
function isPlainKey(path: readonly string[]): boolean {
  return pathsOfKeys.has(path.join('.')) || (path[0] === 'steps' && path[1] === 'lookup' && path.at(-1) === 'key');
}

/** Without the sign-in of a URL (a password may have a slash or an @ in it), and keys for an API behind its question mark. */
export function withoutSecrets(text: string, mask: string): string {
  return text.includes('://') ? withoutKeys(text.replace(/:\/\/[^\s?#]*@/g, `://${mask}@`), mask) : text;
}

/** Of a text that is wrong: what is nearly a URL (`http:/user:password@host`, `user:password@host`) has secrets, too. */
export function withoutSecretsOfSlip(text: string, mask: string): string {
  const url = withoutSecrets(text, mask);
  return url === text ? withoutKeys(text.replace(/^[^?#]*:[^?#]*@/, `${mask}@`), mask) : url;
}

function withoutKeys(text: string, mask: string): string {
  return text.replace(/([?&][^=&#\s]*=)[^&#\s]+/g, `$1${mask}`);
}
