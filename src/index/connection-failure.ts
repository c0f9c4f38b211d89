// Why a request to Elasticsearch got no answer: the client library's error, which may hold whole bodies and passwords → one
// WeirError with one line that says what to do. `sink-refused` where only another setting, or another certificate, will help.

import { errors } from '@elastic/elasticsearch';
import { WeirError } from '../model/errors.ts';
import { toShortText } from './short-text.ts';

/** What TLS says (Node's and OpenSSL's codes), and what to do. Patterns, as codes and texts come mixed. */
const tlsFailures: readonly (readonly [RegExp, string, string])[] = [
  [/CERT_HAS_EXPIRED/, 'its certificate has expired', 'Renew the certificate of the server.'],
  [/CERT_NOT_YET_VALID/, 'its certificate is not valid yet', 'Compare the clocks of both machines.'],
  [
    /SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY_LEAF|self.signed certificate|unable to (?:get|verify)|CERT_UNTRUSTED|INVALID_CA|CERT_SIGNATURE_FAILURE/i,
    'its certificate is signed by an authority that weir does not know',
    'Name the right one: index: elasticsearch: ca_file (or ca_fingerprint).',
  ],
  [/CERT_REVOKED/, 'its certificate was revoked', 'Give the server another certificate.'],
  [
    /ALTNAME_INVALID|does not match certificate/i,
    'its certificate is for another host name',
    'Use a name that stands in the certificate in index: elasticsearch: nodes, or have one issued for this name.',
  ],
  [
    /wrong version number|WRONG_VERSION_NUMBER|packet length too long|http request/i,
    'it does not speak TLS there',
    'Write http:// for https:// in index: elasticsearch: nodes, or the port that has TLS.',
  ],
  [
    /alert (?:certificate required|bad certificate|unknown ca|handshake failure|certificate unknown|certificate expired)|ALERT_(?:CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED)/i,
    'it does not accept the certificate of weir, or wants one',
    'Name it: index: elasticsearch: certificate and key.',
  ],
  [
    /key values mismatch|KEY_VALUES_MISMATCH|bad decrypt|BAD_DECRYPT|bad password read|BAD_PASSWORD/i,
    'the key does not belong to the certificate of weir, or its passphrase is wrong',
    'Correct index: elasticsearch: certificate, key and key_passphrase.',
  ],
];

/** What Node's parser says of bytes that are no HTTP. */
const noHttp = /HPE_[A-Z_]+|Parse Error/;

/** What a proxy on the way says to CONNECT: hpagent's sentence. */
const proxyAnswer = /Bad response: (\d{3})/;

export interface FailurePlace {
  /** The node that was asked, when there are several; without user and password. */
  readonly node: string | undefined;
  readonly address: string;
  /** On the way, without user and password. */
  readonly proxy: string | undefined;
  readonly showsCertificate: boolean;
}

/** `retryable` says whether waiting may mend it. */
export function toConnectionFailure(
  error: unknown,
  { node, address, proxy, showsCertificate }: FailurePlace,
): WeirError {
  if (error instanceof WeirError) return error;
  if (error instanceof errors.ProductNotSupportedError)
    return new WeirError('sink-refused', `the server at ${address} is not a distribution that strict mode accepts`, {
      hint: 'Set product_check: auto in the pipeline file to accept open-source builds and OpenSearch.',
    });
  const at = node === undefined ? '' : `${node}: `;
  const text = toText(error);
  for (const [pattern, message, hint] of tlsFailures)
    if (pattern.test(text)) return new WeirError('sink-refused', `${at}${message} (${toReason(text)})`, { hint });
  const status = proxyAnswer.exec(text)?.[1];
  if (status === '407')
    return new WeirError('sink-refused', `${at}the proxy does not accept the user and password (HTTP 407)`, {
      hint: 'Correct them in index: elasticsearch: proxy.',
    });
  if (status !== undefined) return unavailable(`${at}the proxy gives no connection (HTTP ${status})`);
  if (error instanceof errors.NoLivingConnectionsError) return unavailable(`${at}no node to ask`);
  if (noHttp.test(text))
    return new WeirError('sink-refused', `${at}it does not speak HTTP there (${toReason(text)})`, {
      hint: 'Correct the port in index: elasticsearch: nodes.',
    });
  const reason = toReason(text);
  if (proxy !== undefined)
    return unavailable(`${at}${reason}, through the proxy ${proxy}`, 'Is index: elasticsearch: proxy right?');
  return unavailable(at + reason, reason === cut ? hintOnCut(node ?? address, showsCertificate) : undefined);
}

/** What a server does that wants TLS and is asked without, or (by TLS 1.3) that does not like a certificate. */
function hintOnCut(address: string, showsCertificate: boolean): string | undefined {
  if (address.startsWith('http:')) return 'If it wants TLS: https:// in index: elasticsearch: nodes.';
  return showsCertificate ? 'Perhaps it refuses that of index: elasticsearch: certificate and key.' : undefined;
}

export function unavailable(reason: string, hint?: string): WeirError {
  return new WeirError('sink-unavailable', reason, { retryable: true, ...(hint !== undefined && { hint }) });
}

const cut = 'the connection was cut';

function toText(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure';
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined || error.message.includes(code) ? error.message : `${code} ${error.message}`;
}

function toReason(text: string): string {
  if (/\baborted\b|ECONNRESET|socket hang up/.test(text)) return cut;
  const code = /\b(E[A-Z_]{4,}|CERT_[A-Z_]+|UNABLE_TO_[A-Z_]+|DEPTH_ZERO_[A-Z_]+|SELF_SIGNED_[A-Z_]+)\b/.exec(
    text,
  )?.[1];
  return code ?? toShortText(text);
}
