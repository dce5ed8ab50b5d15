/** Prefix of clients that tokens name. It keeps an issuer of tokens from naming a client of the API keys. */
export const tokenPrefix = 'jwt:';

/** The longest subject of a token (OpenID Connect Core 1.0, section 2). */
const maxLength = 255;

/**
 * A run of visible characters. Excluded are controls, formats, halves of surrogate pairs, private and unassigned
 * characters (C), separators (Z) and characters that are not shown (DI). U+2800 looks blank, and U+FFFD replaces
 * unreadable bytes, so that two different names could become equal. A word cannot begin with a mark (M), because a mark
 * is shown on the character before it.
 */
const word = String.raw`(?!\p{M})[^\p{C}\p{Z}\p{DI}\u2800\uFFFD]+`;

/** Matches in linear time, because no word contains the space that separates words. */
const words = new RegExp(`^${word}(?: ${word})*$`, 'u');

/** The rule as a sentence, for error messages. */
export const clientNameRule = `1 to ${maxLength} printable characters in Unicode's normal form NFKC, with nothing but single spaces between words`;

/**
 * Whether a text can name a client. Only Unicode's normal form NFKC is accepted, because other forms of the same
 * characters look the same, so that two clients would seem to be one. Look-alikes of different scripts remain different
 * names.
 */
export function isClientName(text: unknown): text is string {
  // The length is checked first, because all later checks take time in proportion to it.
  if (typeof text !== 'string' || text.length > 2 * maxLength || [...text].length > maxLength) return false;
  return words.test(text) && text === text.normalize('NFKC');
}
