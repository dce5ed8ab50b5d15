/** A string of RFC 8941: in double quotes, with a backslash before each quote and backslash inside. */
const quotedForm = /^"(?:[^"\\]|\\["\\])*"$/;

/** Enough for a key of 255 characters that are all escaped, with its quotes. */
const maxQuotedLength = 512;

/**
 * Removes the quotes of a quoted key. The IETF draft of the `Idempotency-Key` header puts keys into quotes, which are
 * not part of the key. Null where the text is not in quotes.
 */
export const unquoted = (text: string): string | null =>
  text.length <= maxQuotedLength && quotedForm.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : null;

/** Adds the quotes. Older versions stored a key from the header with its quotes. */
export const quoted = (key: string): string => `"${key.replace(/["\\]/g, '\\$&')}"`;

/**
 * The form in which a task keeps its key after another order may take the key over. It never equals a key of a caller,
 * because those contain no space.
 */
export const givenUp = (key: string): string => `${key} `;
