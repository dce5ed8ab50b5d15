import type { KeyFinder as KeyFinderPort } from '../tasks/upstream.ts';

export interface KeyFinder extends KeyFinderPort {
  /** Redacts the beginning of the key at the end of the text: a text that broke off may end inside the key. */
  redactBeginning(text: string): string;
}

const replacement = '[redacted]';

/** Shorter base64 forms are not searched for, because they would match by chance. */
const minBase64Length = 8;

/**
 * Finds a key as it is, in another case (as in a host name), with some or all of its characters percent-encoded (up to
 * three times) or escaped as in JSON, and in base64. No form contains a repetition without a bound, so the search takes
 * time in proportion to the text.
 */
export function createKeyFinder(key: string): KeyFinder {
  const written = Array.from(key, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const bytes = Array.from(Buffer.from(character), (byte) => `%(?:25){0,2}${hex(byte, 2)}`).join('');
    const escaped = code <= 0xffff ? `|\\\\{1,2}u${hex(code, 4)}` : '';
    return `(?:${RegExp.escape(character)}|${bytes}${escaped})`;
  }).join('');
  const forms = new RegExp([written, ...base64Forms(key).map((form) => RegExp.escape(form))].join('|'), 'gi');
  return {
    holdsKey: (text) => text.search(forms) >= 0,
    redact: (text) => text.replace(forms, replacement),
    redactBeginning: (text) => withoutBeginning(text, key),
  };
}

/** A shorter beginning is left, because many keys begin with the same characters. */
const minBeginning = 5;

function withoutBeginning(text: string, key: string): string {
  for (let length = key.length - 1; length >= minBeginning; length--) {
    if (text.endsWith(key.slice(0, length))) return text.slice(0, -length) + replacement;
  }
  return text;
}

const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, '0');

/** The key in base64, once for each of the three offsets at which it can begin within a group of three bytes. */
function base64Forms(key: string): string[] {
  const forms = [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(key)]);
    // The first and the last characters also encode bits of the neighbouring bytes, so they are cut off.
    const begin = Math.ceil((before * 8) / 6);
    const end = Math.floor((bytes.length * 8) / 6);
    return [bytes.toString('base64').slice(begin, end), bytes.toString('base64url').slice(begin, end)];
  });
  return [...new Set(forms)].filter((form) => form.length >= minBase64Length);
}
