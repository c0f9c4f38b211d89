// The text of an IP address → its bytes. The caller has checked that it is one.

/** 4 or 16 bytes; a zone id (RFC 4007 §11) is left out. */
export function toIpBytes(address: string): number[] {
  return address.includes(':') ? toIpv6Bytes(address) : toIpv4Bytes(address);
}

function toIpv4Bytes(host: string): number[] {
  return host.split('.').map(Number);
}

function toIpv6Bytes(host: string): number[] {
  const [head = '', tail] = (host.split('%')[0] ?? '').split('::');
  const before = toGroupBytes(head);
  const after = toGroupBytes(tail ?? '');
  return [...before, ...new Array<number>(Math.max(0, 16 - before.length - after.length)).fill(0), ...after];
}

function toGroupBytes(groups: string): number[] {
  if (groups === '') return [];
  return groups.split(':').flatMap((group) => {
    if (group.includes('.')) return toIpv4Bytes(group);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
