// Bytes as people set them for memory and spools: in powers of 1024. (Disks of Elasticsearch are told in powers of 1000.)

const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export function toBinarySizeText(bytes: number): string {
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${value >= 100 || power === 0 ? Math.round(value) : Math.round(10 * value) / 10} ${units[power]}`;
}
