// One UDP payload as it reached us: what collect hands to decode.

export interface Datagram {
  /** The UDP payload; valid until the next datagram is decoded (decode copies what it keeps). */
  readonly payload: Buffer;
  /** Source IP address in canonical text form; IPv4-mapped IPv6 addresses are already IPv4. */
  readonly exporter: string;
  /** Source UDP port. Never part of an exporter's identity: one router may send from several. */
  readonly exporterPort: number;
  /** Wall clock at reception, milliseconds since 1970. */
  readonly receivedAtMs: number;
}
