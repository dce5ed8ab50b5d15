import type { KeyFinder as KeyFinderPort } from '../tasks/upstream.ts';

export interface KeyFinder extends KeyFinderPort {
  /** The text without the beginning of the key that it ends in: for one that may have broken off within the key. */
  redactBeginning(text: string): string;
}

const replacement = '[redacted]';

/** Base64 of less would be found by chance. */
const minBase64Length = 8;

/**
 * A key may be written as it is, in other case (as a host is), with some or all of its characters percent-encoded (up to
 * three times) or escaped as in JSON, or in base64. Every form is a sequence without repetition, so that a search takes
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

/** Less of a key says nothing: many begin alike. */
const minBeginning = 5;

function withoutBeginning(text: string, key: string): string {
  for (let length = key.length - 1; length >= minBeginning; length--) {
    if (text.endsWith(key.slice(0, length))) return text.slice(0, -length) + replacement;
  }
  return text;
}

const hex = (number: number, digits: number): string => number.toString(16).padStart(digits, '0');

/** What the key is in base64, beginning at each of the three places in a group that it can begin at. */
function base64Forms(key: string): string[] {
  const forms = [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(key)]);
    // The first and the last characters hold bits of what stands beside the key.
    const begin = Math.ceil((before * 8) / 6);
    const end = Math.floor((bytes.length * 8) / 6);
    return [bytes.toString('base64').slice(begin, end), bytes.toString('base64url').slice(begin, end)];
  });
  return [...new Set(forms)].filter((form) => form.length >= minBase64Length);
}
