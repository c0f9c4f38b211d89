// PEM files to what a TLS server needs (RFC 7011 §11: certificates on both sides), checked so that a mistake is told at the start.

import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type TlsOptions } from 'node:tls';
import { WeirError } from '../model/errors.ts';

export interface TlsFiles {
  /** Our certificate, then those of the authorities between it and the root. */
  readonly certificateFile: string;
  /** Its private key, without a passphrase. */
  readonly keyFile: string;
  /** Authorities that sign exporters' certificates. Absent: exporters are not asked for one. */
  readonly clientCaFile?: string;
  /** May an exporter come without a certificate? One that it shows must be right in either case. */
  readonly clientCertificates?: 'required' | 'optional';
}

export type TlsServerOptions = Pick<
  TlsOptions,
  'cert' | 'key' | 'ca' | 'minVersion' | 'requestCert' | 'rejectUnauthorized'
>;

const pemBlock = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g;

/** Throws WeirError `file-missing` or `file-invalid`, with the file's name and what to do. Keys are in no message. */
export async function readTlsFiles(files: TlsFiles): Promise<TlsServerOptions> {
  const { certificateFile, keyFile, clientCaFile } = files;
  const cert = await readPem(certificateFile, 'certificate');
  const [own] = readCertificates(cert, certificateFile, 'certificate');
  const key = await readPem(keyFile, 'key');
  if (!own!.checkPrivateKey(readKey(key, keyFile))) {
    throw invalid(keyFile, 'key', `is not the key of the certificate in ${certificateFile}`);
  }
  let ca: string | undefined;
  if (clientCaFile !== undefined) {
    ca = await readPem(clientCaFile, 'client_ca');
    readCertificates(ca, clientCaFile, 'client_ca');
  }
  const options: TlsServerOptions = {
    cert,
    key,
    // RFC 9325 §3.1.1: older ones must not be used, whatever RFC 7011 §11 says of its day.
    minVersion: 'TLSv1.2',
    requestCert: ca !== undefined,
    // Node would close such connections without a word: the listener does it, and says why.
    rejectUnauthorized: false,
    ...(ca !== undefined && { ca }),
  };
  try {
    createSecureContext(options);
  } catch (cause) {
    // OpenSSL has demands of its own, such as the length of the key.
    throw invalid(certificateFile, 'certificate', `can't be used: ${reasonOf(cause)}`, cause);
  }
  return options;
}

async function readPem(file: string, setting: string): Promise<string> {
  try {
    // A pipe that nobody writes to would hold the start.
    const found = await stat(file);
    if (found.isFile() || found.isDirectory()) return await readFile(file, 'utf8');
    throw Object.assign(new Error('it is no file'), { code: '' });
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: 'there is no such file',
      EACCES: 'it may not be read by this user',
      EISDIR: 'it is a folder',
    };
    throw new WeirError('file-missing', `can't read ${file}: ${reasons[code] ?? (code || reasonOf(cause))}`, {
      hint: `Correct collect: tls: ${setting} in the pipeline file, or let this user read the file.`,
      cause,
    });
  }
}

function readCertificates(pem: string, file: string, setting: string): X509Certificate[] {
  const blocks = [...pem.matchAll(pemBlock)].filter(([, label]) => label === 'CERTIFICATE');
  if (blocks.length === 0) throw invalid(file, setting, 'holds no PEM certificate');
  return blocks.map(([block]) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw invalid(file, setting, `holds a certificate that can't be read: ${reasonOf(cause)}`, cause);
    }
  });
}

function readKey(pem: string, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const isLocked = /BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(pem);
    const problem = isLocked ? 'has a passphrase: weir starts without anybody to type it' : 'holds no PEM private key';
    throw invalid(file, 'key', problem, cause);
  }
}

function invalid(file: string, setting: string, problem: string, cause?: unknown): WeirError {
  return new WeirError('file-invalid', `${file} ${problem}`, {
    hint: `Correct collect: tls: ${setting} in the pipeline file. PEM files begin with "-----BEGIN …-----"; openssl(1) makes and converts them.`,
    cause,
  });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
