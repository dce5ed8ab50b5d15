/** RFC 8941, a string: in quotes, with a backslash before each quote and backslash in it. */
const quotedForm = /^"(?:[^"\\]|\\["\\])*"$/;

/** A key of 255 characters that are all escaped, in its quotes. */
const maxQuotedLength = 512;

/**
 * What an idempotency key means: the IETF's draft of the header puts it into quotes, which are not part of it. Null
 * where the text is not in quotes.
 */
export const unquoted = (text: string): string | null =>
  text.length <= maxQuotedLength && quotedForm.test(text) ? text.slice(1, -1).replace(/\\(.)/g, '$1') : null;

/** The key in quotes. Rows of older versions have it so where it came so in the header. */
export const quoted = (key: string): string => `"${key.replace(/["\\]/g, '\\$&')}"`;

/** What a task has in the place of its key, once that is free for the next order: no caller's key has a space. */
export const givenUp = (key: string): string => `${key} `;
