// Authorities, certificates and keys made by openssl(1), for tests of TLS.

import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificates {
  /** Path of a file in the folder. */
  file(name: string): string;
  /** `name.pem` and `name.key`: an authority that signs itself. */
  authority(name: string): void;
  /** `name.pem` and `name.key`, signed by an authority. */
  certificate(name: string, authority: string): void;
  openssl(...words: readonly string[]): void;
}

export function createCertificates(folder: string): Certificates {
  const file = (name: string): string => join(folder, name);

  function openssl(...words: readonly string[]): void {
    execFileSync('openssl', words, { cwd: folder, stdio: 'ignore' });
  }

  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

  function authority(name: string): void {
    const output = ['-keyout', `${name}.key`, '-out', `${name}.pem`];
    openssl('req', '-x509', ...newKey, ...output, '-days', '2', '-subj', `/CN=${name}`);
  }

  function certificate(name: string, signer: string): void {
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    writeFileSync(file(`${name}.ext`), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    const authority = ['-CA', `${signer}.pem`, '-CAkey', `${signer}.key`, '-CAcreateserial'];
    const output = ['-out', `${name}.pem`, '-days', '2', '-extfile', `${name}.ext`];
    openssl('x509', '-req', '-in', `${name}.csr`, ...authority, ...output);
  }

  return { file, authority, certificate, openssl };
}
