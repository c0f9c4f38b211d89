// One UDP payload, or one IPFIX message of a TCP connection, as it reached us: what collect hands to decode.

export interface Datagram {
  /** Valid until the next datagram is decoded (decode copies what it keeps). */
  readonly payload: Buffer;
  /** Source IP address in canonical text form; IPv4-mapped IPv6 addresses are already IPv4. */
  readonly exporter: string;
  /** Source port. Never part of an exporter's identity: one router may send from several. */
  readonly exporterPort: number;
  /** Address and port it came to, as far as they are known: one socket may take what is sent to any address of the machine. */
  readonly receivedOn?: { readonly host: string; readonly port: number };
  /** Wall clock at reception, milliseconds since 1970. */
  readonly receivedAtMs: number;
  /**
   * Number of the TCP connection it came by, unique in this process; absent for UDP. Templates and sequence numbers are the
   * connection's own and end with it (RFC 7011 §3.1, §8; docs/decisions/0016).
   */
  readonly session?: number;
}
