import { isUtf8 } from 'node:buffer';
import type { GraphQLError } from 'graphql';
import { badRequest, limitExceeded } from '../../graphql/public-error.ts';

const decoder = new TextDecoder();

/** Decodes UTF-8 and drops a byte order mark, as RFC 8259 allows; null where the bytes are not UTF-8. */
export const textIn = (bytes: Uint8Array): string | null => (isUtf8(bytes) ? decoder.decode(bytes) : null);

/** Deeper than any valid input, and not so deep that a JSON parser or printer overflows its stack. */
const maxJsonDepth = 64;

/**
 * The error for a JSON text that has too many values or is nested too deeply; null where it is within the limits. It
 * counts brackets and commas outside of strings, so it looks at each character once.
 */
export function excessIn(text: string, maxValues: number): GraphQLError | null {
  let values = 0;
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text.charCodeAt(index);
    if (character === quote) index = endOfString(text, index);
    else if (character === comma) values += 1;
    else if (character === closingBracket || character === closingBrace) depth -= 1;
    else if (character === bracket || character === brace) {
      values += 1;
      depth += 1;
    }
    if (depth > maxJsonDepth) return badRequest(`The JSON is nested deeper than ${maxJsonDepth} levels.`);
    if (values > maxValues) return limitExceeded('The body holds too many values', 'MAX_VALUES', maxValues);
  }
  return null;
}

/**
 * The index at which the string that begins at `start` ends: the next quote with an even number of backslashes before
 * it.
 */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let before = end - 1;
    while (text.charCodeAt(before) === backslash) before -= 1;
    if ((end - before) % 2 === 1) return end;
  }
  return text.length;
}

const [quote, backslash, comma, bracket, brace, closingBracket, closingBrace] = [...'"\\,[{]}'].map((character) =>
  character.charCodeAt(0),
);
