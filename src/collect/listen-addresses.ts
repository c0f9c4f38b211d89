// Opens several addresses to listen on, all or none, whatever the transport. `::` takes IPv4 as well, and becomes 0.0.0.0 where
// the machine has no IPv6.

import { isIPv6 } from 'node:net';
import type { Logger } from '../telemetry/logger.ts';
import { type Transport, toListenError } from './listen-advice.ts';

export interface ListenAddress {
  /** Numeric address or name; `::` takes IPv4 as well, unless the same port is listed for an IPv4 address. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface OpenAddressesOptions<Address extends ListenAddress> {
  readonly addresses: readonly Address[];
  /** What is open already. */
  readonly beside?: readonly ListenAddress[];
  readonly transport: Transport;
  readonly logger: Logger;
  /** Opens one port. Rejects with the system's error. */
  readonly open: (address: Address, ipv6Only: boolean) => Promise<void>;
}

/** Throws WeirError `listen-failed` at the first port that can't be opened: the caller closes those that are. */
export async function openAddresses<Address extends ListenAddress>(options: OpenAddressesOptions<Address>) {
  const { transport, logger, open, beside = [] } = options;
  const addresses = withoutRepeats(options.addresses);
  const all = [...addresses, ...beside];

  async function openOne(address: Address): Promise<void> {
    try {
      // Node would bind port 70000 as 4464.
      if (!(Number.isInteger(address.port) && address.port >= 0 && address.port <= 65_535))
        throw Object.assign(new Error('port out of range'), { code: 'ERANGE' });
      await open(address, isIPv6(address.host) && all.some(({ host, port }) => port === address.port && !isIPv6(host)));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (address.host !== '::' || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL'))
        throw toListenError(address, transport, error);
      const instead = { ...address, host: '0.0.0.0' };
      logger.info({ port: address.port }, 'this machine has no IPv6: listening on 0.0.0.0 instead of [::]');
      if (address.port !== 0 && all.some(({ host, port }) => host === instead.host && port === instead.port)) return;
      await openOne(instead);
    }
  }

  for (const address of addresses) await openOne(address);
}

/** Was a port opened for this address? Where the machine has no IPv6, :: was opened as 0.0.0.0. */
export function isOpenedFor({ host, port }: ListenAddress, opened: ListenAddress): boolean {
  return port === opened.port && (host === opened.host || (host === '::' && opened.host === '0.0.0.0'));
}

function withoutRepeats<Address extends ListenAddress>(addresses: readonly Address[]): readonly Address[] {
  return addresses.filter(
    ({ host, port }, at) =>
      port === 0 || addresses.findIndex((other) => other.host === host && other.port === port) === at,
  );
}

/** Canonical text: IPv4-mapped IPv6 addresses (RFC 4291 §2.5.5.2) become IPv4, zone ids (RFC 4007 §11) are left out. */
export function toExporter(address: string): string {
  if (address.startsWith('::ffff:') && address.includes('.', 7)) return address.slice(7);
  const zone = address.indexOf('%');
  return zone === -1 ? address : address.slice(0, zone);
}
