/**
 * Clients that tokens name are set apart from those that keys name, because an issuer of tokens must not speak for the
 * clients of keys.
 */
export const tokenPrefix = 'jwt:';

/** As many characters as the subject of a token may have (OpenID Connect Core 1.0, section 2). */
const maxLength = 255;

/**
 * Visible characters. Unicode counts as others: controls, formats, halves of surrogate pairs, private and unassigned ones
 * (C), separators (Z), and those that are not shown (DI). U+2800 is blank by its shape, and U+FFFD stands for what could
 * not be read, so that two texts may have become one. A mark (M) begins no word, because it is shown on what is before it.
 */
const word = String.raw`(?!\p{M})[^\p{C}\p{Z}\p{DI}\u2800\uFFFD]+`;

/** Linear in time, because no word holds the space that ends it. */
const words = new RegExp(`^${word}(?: ${word})*$`, 'u');

/** The rule in words, for who gives a name. */
export const clientNameRule = `1 to ${maxLength} printable characters in Unicode's normal form NFKC, with nothing but single spaces between words`;

/**
 * Whether a text can name a client. Unicode writes some characters in several ways that are shown alike, and only one of
 * them counts (its normal form), so that two names never seem to be one. Look-alikes of different scripts remain two.
 */
export function isClientName(text: unknown): text is string {
  // The length comes first, because everything after it takes time by it.
  if (typeof text !== 'string' || text.length > 2 * maxLength || [...text].length > maxLength) return false;
  return words.test(text) && text === text.normalize('NFKC');
}
