// A decoder for each TCP connection, from its first message to its end: templates are the connection's own (docs/decisions/0016).

import type { Decoder, SessionDecoder } from '../decode/decoder.ts';
import type { Datagram } from '../model/datagram.ts';
import type { RecordSet } from '../model/record.ts';

export interface SessionDecoders {
  decode(datagram: Datagram & { readonly session: number }): RecordSet[];
  end(session: number): void;
  expire(nowMs: number): void;
}

/** As many as there are connections, which the listener bounds. */
export function createSessionDecoders(decoder: Decoder): SessionDecoders {
  const open = new Map<number, SessionDecoder>();

  function decode(datagram: Datagram & { readonly session: number }): RecordSet[] {
    let own = open.get(datagram.session);
    if (own === undefined) {
      own = decoder.openSession();
      open.set(datagram.session, own);
    }
    return own.decode(datagram);
  }

  return {
    decode,
    end(session) {
      open.get(session)?.close();
      open.delete(session);
    },
    expire(nowMs) {
      for (const own of open.values()) own.expire(nowMs);
    },
  };
}
