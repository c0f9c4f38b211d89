/** `1 record`, `2 records`. */
export function toCountText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `1,234,567`. */
export function toThousands(value: number): string {
  return value.toLocaleString('en-US');
}
