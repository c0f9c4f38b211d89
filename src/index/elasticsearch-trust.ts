// Whom weir believes to be Elasticsearch, and as whom it makes itself known there: PEM files, and an authority that is known by its
// fingerprint only, as Elasticsearch prints it. The authority is fetched once, without any secret of ours, and then is the only
// one that counts: the library's own caFingerprint compares when the request, password included, is already under way.

import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { Client, Connection } from '@elastic/elasticsearch';
import { WeirError } from '../model/errors.ts';
import { toShortText } from './short-text.ts';
import { UncheckedTransport } from './unchecked-transport.ts';

export interface TrustOptions {
  /** PEM file of the authority that signed the server's certificate. */
  readonly caFile?: string;
  /** SHA-256 of that authority's certificate, in hex, with or without ":". The server must send it in its chain. */
  readonly caFingerprint?: string;
  /** PEM file of our own certificate, for servers that ask for one; with `keyFile`. */
  readonly certificateFile?: string;
  readonly keyFile?: string;
  readonly keyPassphrase?: string;
  /** Of an HTTP proxy on the way. */
  readonly proxy?: string;
}

export interface TlsSettings {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
}

const fetchTimeoutMs = 10_000;
/** Longer chains are no chains of certificates. */
const maxChain = 10;

/** Throws WeirError: `file-missing`, `file-invalid`. */
export function readTlsSettings({ caFile, certificateFile, keyFile, keyPassphrase }: TrustOptions): TlsSettings {
  const settings = {
    ...(caFile !== undefined && { ca: readPem(caFile, 'CERTIFICATE', 'ca_file') }),
    ...(certificateFile !== undefined && { cert: readPem(certificateFile, 'CERTIFICATE', 'certificate') }),
    ...(keyFile !== undefined && { key: readPem(keyFile, 'PRIVATE KEY', 'key') }),
    ...(keyPassphrase !== undefined && { passphrase: keyPassphrase }),
  };
  checkTogether(settings);
  return settings;
}

/** OpenSSL would find it at the first connection, with a text that differs from version to version. */
function checkTogether(settings: TlsSettings): void {
  try {
    createSecureContext(settings);
  } catch (cause) {
    const { code = '', message = '' } = cause as NodeJS.ErrnoException;
    const said = toShortText(code === '' ? message : code);
    const isKey = /DECRYPT|CANCELL?ED|PASSWORD|KEY_VALUES_MISMATCH|passphrase/i.test(`${code} ${message}`);
    if (!isKey)
      throw new WeirError('file-invalid', `the certificates for Elasticsearch can't be used (${said})`, {
        hint: 'Correct index: elasticsearch: ca_file, certificate and key.',
      });
    throw new WeirError(
      'file-invalid',
      `the key does not belong to the certificate of weir, or its passphrase is wrong (${said})`,
      { hint: 'Correct index: elasticsearch: certificate, key and key_passphrase.' },
    );
  }
}

function readPem(path: string, kind: 'CERTIFICATE' | 'PRIVATE KEY', setting: string): string {
  let text = '';
  const what = kind === 'CERTIFICATE' ? 'certificate' : 'key';
  try {
    // A pipe that nobody writes to would hold the process.
    if (statSync(path).isFIFO()) throw Object.assign(new Error(), { code: 'it is a pipe' });
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new WeirError('file-missing', `the ${what} file ${path} can't be read (${reason})`, {
      hint: `Correct index: elasticsearch: ${setting} in the pipeline file.`,
    });
  }
  // "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"
  if (!new RegExp(`-----BEGIN ([A-Z]+ )*${kind}-----`).test(text))
    throw new WeirError('file-invalid', `${path} holds no PEM ${what}`, {
      hint: `A PEM file begins with "-----BEGIN ${kind}-----".`,
    });
  return text;
}

/**
 * The authority with this fingerprint, as PEM, from the chain that one of the nodes sends. Throws WeirError: `sink-refused` when a
 * node sends another chain, and the library's error when none answers.
 */
export async function fetchAuthority(
  nodes: readonly string[],
  { caFingerprint = '', ...options }: TrustOptions,
): Promise<string> {
  const wanted = caFingerprint.replaceAll(':', '').toUpperCase();
  let failure: unknown;
  for (const node of nodes) {
    try {
      const found = (await fetchChain(node, options)).find(
        ({ fingerprint256 }) => fingerprint256.replaceAll(':', '') === wanted,
      );
      if (found !== undefined) return toPem(found);
      failure = new WeirError('sink-refused', 'no certificate of the server has the fingerprint of ca_fingerprint', {
        hint: 'Compare index: elasticsearch: ca_fingerprint with: openssl x509 -noout -fingerprint -sha256 -in ca.crt. If they differ, somebody may stand between.',
      });
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

/** What the server shows of itself, from its own certificate up. Sends neither user nor password. */
async function fetchChain(node: string, options: TrustOptions): Promise<readonly DetailedPeerCertificate[]> {
  const chain: DetailedPeerCertificate[] = [];
  class ChainConnection extends Connection {
    override request(...arguments_: Parameters<Connection['request']>): ReturnType<Connection['request']> {
      const request = super.request(...arguments_);
      request.once('socket', (socket) => {
        const shown = socket as TLSSocket;
        if (typeof shown.getPeerCertificate !== 'function') return;
        shown.once('secureConnect', () => chain.push(...toChain(shown.getPeerCertificate(true))));
      });
      return request;
    }
  }
  const url = new URL(node);
  url.username = '';
  url.password = '';
  const client = new Client({
    node: url.href,
    maxRetries: 0,
    requestTimeout: fetchTimeoutMs,
    Connection: ChainConnection,
    Transport: UncheckedTransport,
    ssl: { ...readTlsSettings(options), rejectUnauthorized: false },
    ...(options.proxy !== undefined && { proxy: options.proxy }),
  });
  try {
    await client.transport.request({ method: 'HEAD', path: '/' });
  } catch (error) {
    // Any answer will do, and so does a server that refuses us after it has shown its chain.
    if (chain.length === 0) throw error;
  } finally {
    await client.close();
  }
  return chain;
}

function toChain(first: DetailedPeerCertificate): readonly DetailedPeerCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  let next: DetailedPeerCertificate | undefined = first;
  while (next?.raw !== undefined && chain.length < maxChain && chain.at(-1)?.fingerprint256 !== next.fingerprint256) {
    chain.push(next);
    next = next.issuerCertificate;
  }
  return chain;
}

function toPem({ raw }: DetailedPeerCertificate): string {
  const lines = raw.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
