// UDP sockets that were open before this process began, given by systemd (sd_listen_fds(3)) or who does as it does. They have the
// receive buffer that a root gave them, and hold what comes while weir restarts.

import { readlink } from 'node:fs/promises';
import { readUdpSockets, type SocketAddress, toTableAddress } from './kernel-drops.ts';

/** The first one, as sd_listen_fds(3) has it. */
const firstDescriptor = 3;

export interface InheritedSockets {
  /** The descriptor of the socket that is bound to this address, once; undefined when there is none (any more). */
  take(address: SocketAddress): number | undefined;
}

/** `count` descriptors from 3 on; those that are no UDP sockets are left alone. Linux only: elsewhere there are none. */
export async function readInheritedSockets(count: number, procFolder = '/proc'): Promise<InheritedSockets> {
  const descriptors = new Map<string, number>();
  if (count > 0) {
    const sockets = await readUdpSockets(procFolder);
    for (let descriptor = firstDescriptor; descriptor < firstDescriptor + count; descriptor++) {
      const target = await readlink(`${procFolder}/self/fd/${descriptor}`).catch(() => '');
      const address = sockets.get(Number(/^socket:\[(\d+)\]$/.exec(target)?.[1]));
      if (address !== undefined && !descriptors.has(address)) descriptors.set(address, descriptor);
    }
  }
  return {
    take({ host, port }) {
      const address = toTableAddress({ host, port });
      const descriptor = descriptors.get(address);
      descriptors.delete(address);
      return descriptor;
    },
  };
}
