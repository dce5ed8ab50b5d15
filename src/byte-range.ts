/** The first and the last byte that are asked for, counted from 0. Both are part of the range. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The bytes that a Range header asks for, of a file of `length` bytes. Null for all of them, as for several ranges at
 * once (RFC 9110, 14.2). A range that begins behind the end cannot be satisfied.
 */
export function rangeIn(header: string | undefined, length: number): ByteRange | null {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  const end = length - 1;
  if (first === '' && last === '') return null;
  if (first === '') return { start: Number(last) === 0 ? length : Math.max(0, length - Number(last)), end };
  if (last !== '' && Number(last) < Number(first)) return null;
  return { start: Number(first), end: last === '' ? end : Math.min(Number(last), end) };
}
