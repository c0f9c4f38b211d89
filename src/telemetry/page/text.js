// Numbers and times as people read them.

const thousands = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const prefixes = ['', 'k', 'M', 'G', 'T', 'P'];

export function toThousands(value) {
  return thousands.format(Math.round(value));
}

/** Three digits that count: 0, 4.2, 437, 12.3k, 1.24M. */
export function toShort(value) {
  if (!Number.isFinite(value)) return '–';
  let scaled = Math.abs(value);
  let prefix = 0;
  while (scaled >= 999.5 && prefix < prefixes.length - 1) {
    scaled /= 1000;
    prefix += 1;
  }
  let digits = scaled >= 99.5 || scaled === 0 ? 0 : scaled >= 9.95 ? 1 : 2;
  // Of small counts a hundredth says nothing.
  if (prefix === 0) digits = Math.min(digits, scaled >= 9.95 ? 0 : 1);
  return `${value < 0 ? '−' : ''}${scaled.toFixed(digits).replace(/\.0+$/, '')}${prefixes[prefix]}`;
}

export function toBits(value) {
  const short = toShort(value);
  const prefix = /[a-zA-Z]$/.exec(short)?.[0] ?? '';
  return `${short.slice(0, short.length - prefix.length)} ${prefix}bit/s`;
}

export function toBytes(value) {
  const short = toShort(value);
  const prefix = /[a-zA-Z]$/.exec(short)?.[0] ?? '';
  return `${short.slice(0, short.length - prefix.length)} ${prefix}B`;
}

export function toPercent(share) {
  if (share === 0) return '0 %';
  if (share < 0.001) return '< 0.1 %';
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
}

/** 4 ms, 1.2 s, 5 min, 3 h, 2 days. */
export function toDuration(ms) {
  const size = Math.abs(ms);
  if (size < 1) return size === 0 ? '0 ms' : '< 1 ms';
  if (size < 1000) return `${Math.round(size)} ms`;
  if (size < 9950) return `${(size / 1000).toFixed(1)} s`;
  if (size < 99_500) return `${Math.round(size / 1000)} s`;
  if (size < 5_970_000) return `${Math.round(size / 60_000)} min`;
  if (size < 172_800_000) return `${Math.round(size / 3_600_000)} h`;
  return `${Math.round(size / 86_400_000)} days`;
}

export function toClock(ms) {
  return new Date(ms).toLocaleTimeString(undefined, { hour12: false });
}

export function toCounted(count, noun, nouns = `${noun}s`) {
  return `${toThousands(count)} ${Math.round(count) === 1 ? noun : nouns}`;
}

export const protocolNames = { netflow5: 'NetFlow v5', netflow9: 'NetFlow v9', ipfix: 'IPFIX', sflow5: 'sFlow' };
