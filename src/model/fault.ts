// A fault is something wrong in a datagram or a record: a value that is counted, never an exception that travels.

/** Every code, with what it means; docs/errors.md is generated from this table. */
export const faultCodes = {
  'protocol-unknown': 'The first bytes are none of NetFlow v5, v9, IPFIX or sFlow v5. The datagram is skipped.',
  'datagram-truncated': 'The datagram ends before its header or its declared contents do. What was whole is decoded.',
  'set-malformed': 'A set has an impossible length or a reserved id. The set is skipped.',
  'template-malformed': 'A template has no bytes, too many fields, or ends early. The template is refused.',
  'template-missing': 'A data set came before its template. It is parked.',
  'template-limit': 'An exporter has more templates than the limit. The one used least recently was forgotten.',
  'exporter-limit':
    'There are more exporters, or facts of options data, than the limit. What the one least recently useful had sent was forgotten.',
  'parked-expired': 'A parked set was given up: its template did not come in time, or there was no room.',
  'record-malformed': 'A record of a set could not be read to its end. The rest of the set is skipped.',
  'sample-malformed': 'An sFlow sample or one of its records ends early or has an impossible length. It is skipped.',
  'sample-unknown': 'An sFlow sample of a format that weir does not decode. It is skipped by its length.',
  'stream-malformed': 'A TCP connection carried something else than whole IPFIX messages. It is closed.',
  'handshake-failed':
    'A TLS connection was not agreed upon: no TLS, a certificate or a version that one side does not take. It is closed.',
  'connection-limit':
    'A TCP connection was refused or closed: too many, a handshake or a message that takes too long, or silence.',
} as const satisfies Record<string, string>;

export type FaultCode = keyof typeof faultCodes;

export interface Fault {
  readonly code: FaultCode;
  readonly exporter: string;
  /** Where in the datagram or what exactly, for a log line and `weir decode`; never payload bytes. */
  readonly detail: string;
}
