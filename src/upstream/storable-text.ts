/** Removes U+0000 and replaces halves of surrogate pairs, because PostgreSQL cannot store them. */
export const keepableText = (text: string): string => text.replaceAll('\0', '').toWellFormed();

/**
 * A JSON reviver that does the same for strings with escapes, and keeps an integer that JavaScript cannot represent
 * exactly, such as a long id, as text.
 */
export function keepable(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value === 'string') return keepableText(value);
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? context?.source : value;
}
