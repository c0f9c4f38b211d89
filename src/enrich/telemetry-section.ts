// The key `telemetry` of the pipeline file: where weir shows how it is, and to whom.

import { isIP, isIPv6 } from 'node:net';
import { z } from 'zod';
import { words } from './setting-types.ts';

export interface TelemetrySettings {
  /** Absent: off. */
  readonly http?: {
    readonly host: string;
    readonly port: number;
    /** The file says it; else it is the default, which weir can do without. */
    readonly isWritten: boolean;
    readonly token?: string;
    readonly username?: string;
    readonly password?: string;
  };
}

const defaultHttp = '127.0.0.1:8081';
const expected = 'expected an address and a port such as "127.0.0.1:8081" or "[::1]:8081", or off';

const http = z
  .union([z.string(), z.literal(false)], { error: expected })
  .refine((text) => text === false || text === 'off' || toAddress(text) !== undefined, { error: expected });

/** Shorter ones can be guessed. */
const minSecretLength = 8;
const secret = (what: string) =>
  words(what).refine((text) => text.length >= minSecretLength && /^[\x21-\x7e]+$/.test(text), {
    error: `expected ${what} of at least ${minSecretLength} letters, digits and signs`,
  });

export const telemetry = z
  .strictObject(
    {
      http: http
        .optional()
        .describe(
          'Where the status page, /metrics, /livez and /readyz are answered; port 0 is any free one; off: nowhere. Absent: 127.0.0.1:8081 if it is free.',
        ),
      token: secret('a token')
        .optional()
        .describe(
          'Asked for as "Authorization: Bearer …", or as the password of a browser; needed beyond this machine.',
        ),
      username: words('a user name')
        .refine((text) => !text.includes(':'), { error: 'expected a user name without ":"' })
        .optional()
        .describe('The other way to sign in; with password.'),
      password: secret('a password').optional().describe('Better an environment variable.'),
    },
    { error: 'expected a mapping such as { http: "127.0.0.1:8081" } or { http: off }' },
  )
  .prefault({})
  .describe('How weir is watched.');

type TelemetryConfig = z.output<typeof telemetry>;

function toAddress(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const host = match[1] ?? match[2] ?? '';
  const port = Number(match[3]);
  const isAddress = match[1] === undefined ? isIP(host) === 4 || host === 'localhost' : isIPv6(host);
  if (!isAddress || port > 65_535) return undefined;
  return { host: host === 'localhost' ? '127.0.0.1' : host, port };
}

function isLoopback(host: string): boolean {
  return /^127\./.test(host) || host === '::1';
}

/** Settings that are right alone and wrong together. */
export function telemetryContradictions({ http: text, token, username, password }: TelemetryConfig) {
  const found: { readonly path: readonly PropertyKey[]; readonly message: string }[] = [];
  if ((username === undefined) !== (password === undefined)) {
    const missing = username === undefined ? 'username' : 'password';
    found.push({ path: ['telemetry'], message: `telemetry: ${missing} is missing` });
  }
  const address = toAddress(text || 'off');
  if (address !== undefined && !isLoopback(address.host) && token === undefined && username === undefined) {
    found.push({
      path: ['telemetry', 'http'],
      message: `telemetry.http: ${String(text)} can be reached by others: give a token, or username and password`,
    });
  }
  return found;
}

export function toTelemetrySettings({ http: text, token, username, password }: TelemetryConfig): TelemetrySettings {
  const address = toAddress((text ?? defaultHttp) || 'off');
  if (address === undefined) return {};
  return {
    http: {
      ...address,
      isWritten: text !== undefined,
      ...(token !== undefined && { token }),
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
    },
  };
}
