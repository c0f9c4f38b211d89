import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { readKernelDrops, readSocketInodes } from '../../src/collect/kernel-drops.ts';

const header =
  '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops            ';

/** One line of /proc/net/udp as proc(5) and the kernel's udp4_format_sock lay it out. */
function line(address: string, inode: number, drops: number, rxQueue = '00000000'): string {
  return `  123: ${address} 00000000:0000 07 00000000:${rxQueue} 00:00000000 00000000     0        0 ${inode} 2 0000000000000000 ${drops}  `;
}

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

function procWith(files: { udp?: readonly string[]; udp6?: readonly string[]; fds?: readonly string[] }): string {
  const folder = mkdtempSync(join(tmpdir(), 'weir-proc-'));
  folders.push(folder);
  mkdirSync(join(folder, 'net'));
  mkdirSync(join(folder, 'self/fd'), { recursive: true });
  for (const [at, target] of (files.fds ?? []).entries()) symlinkSync(target, join(folder, 'self/fd', String(at)));
  if (files.udp !== undefined) writeFileSync(join(folder, 'net/udp'), [header, ...files.udp, ''].join('\n'));
  if (files.udp6 !== undefined) writeFileSync(join(folder, 'net/udp6'), [header, ...files.udp6, ''].join('\n'));
  return folder;
}

// The words of an address stand in the machine's byte order; all machines that weir is tested on are little-endian.
const localhost2055 = '0100007F:0807';
const anyIpv6At2055 = '00000000000000000000000000000000:0807';

describe('reading /proc/net/udp', () => {
  it('tells our socket from that of another process on the same port', async () => {
    const folder = procWith({
      udp: [line(localhost2055, 1001, 7), line(localhost2055, 1002, 9)],
      fds: ['/dev/null', 'socket:[1002]', 'pipe:[1001]'],
    });
    const inodes = await readSocketInodes([{ host: '127.0.0.1', port: 2055 }], folder);
    expect([...(inodes ?? [])]).toEqual([1002]);
    expect([...((await readKernelDrops(inodes!, folder)) ?? [])]).toEqual([
      [1002, expect.objectContaining({ drops: 9, waitingBytes: 0 })],
    ]);
  });

  it('tells the listening socket from another one of this process', async () => {
    const folder = procWith({
      udp: [line(localhost2055, 1, 0), line('0B00007F:0807', 2, 0), line('0100007F:0808', 3, 0)],
      udp6: [line(anyIpv6At2055, 4, 0), line('B80D0120000000000000000001000000:0807', 5, 0)],
      fds: [1, 2, 3, 4, 5].map((inode) => `socket:[${inode}]`),
    });
    const inodesOf = async (host: string) => [...(await readSocketInodes([{ host, port: 2055 }], folder))!];
    expect(await inodesOf('127.0.0.1')).toEqual([1]);
    expect(await inodesOf('127.0.0.11')).toEqual([2]);
    expect(await inodesOf('::')).toEqual([4]);
    expect(await inodesOf('2001:db8::1')).toEqual([5]);
    expect(await inodesOf('2001:db8:0:0:0:0:0:1')).toEqual([5]);
  });

  it('reads drops as decimal and the receive queue as hexadecimal', async () => {
    const folder = procWith({ udp6: [line(anyIpv6At2055, 77, 4294967295, '00033A00')] });
    expect((await readKernelDrops(new Set([77]), folder))?.get(77)).toMatchObject({
      drops: 4294967295,
      waitingBytes: 211456,
    });
  });

  it('steps over lines that are not as they should be', async () => {
    const good = line(localhost2055, 5, 3);
    const garbage = [
      '',
      'x',
      good.replace(/ 5 2 /, ' five 2 '),
      good.replace(/ 3 *$/, ' -3'),
      good.slice(0, 60),
      '\0\0',
    ];
    const folder = procWith({ udp: [...garbage, good, ...garbage], fds: ['socket:[5]', 'socket:[x]'] });
    expect([...(await readSocketInodes([{ host: '127.0.0.1', port: 2055 }], folder))!]).toEqual([5]);
    expect([...(await readKernelDrops(new Set([5]), folder))!.values()]).toEqual([
      expect.objectContaining({ drops: 3 }),
    ]);
  });

  it('says undefined where there is no /proc', async () => {
    expect(await readKernelDrops(new Set([5]), '/no/such/folder')).toBeUndefined();
    expect(await readSocketInodes([{ host: '::', port: 1 }], '/no/such/folder')).toBeUndefined();
  });

  describe.runIf(process.platform === 'linux')('of this machine', () => {
    const sockets: Socket[] = [];
    afterEach(() => {
      for (const socket of sockets.splice(0)) socket.close();
    });

    it('finds the inode of a socket just opened, and its unread bytes', async () => {
      const socket = createSocket('udp4');
      sockets.push(socket);
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
      const inodes = await readSocketInodes([{ host: '127.0.0.1', port: socket.address().port }]);
      expect(inodes?.size).toBe(1);
      const counts = await readKernelDrops(inodes!);
      expect([...counts!.values()]).toEqual([expect.objectContaining({ drops: 0 })]);
    });
  });
});
