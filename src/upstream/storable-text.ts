/** PostgreSQL has no way to keep U+0000 and halves of surrogate pairs. */
export const keepableText = (text: string): string => text.replaceAll('\0', '').toWellFormed();

/** The same for what was written with escapes. An id beyond what JavaScript counts exactly stays the digits it was. */
export function keepable(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value === 'string') return keepableText(value);
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? context?.source : value;
}
