// Is this address one of this machine's?

import { networkInterfaces } from 'node:os';
import { toExporter } from './listen-addresses.ts';

export function isOwnAddress(text: string): boolean {
  const address = toExporter(text);
  if (address.startsWith('127.') || address === '::1' || address === '0.0.0.0' || address === '::') return true;
  return Object.values(networkInterfaces()).some((list) => list?.some((own) => own.address === address));
}
