import { keepable } from './storable-text.ts';

/** Stands for a value that the end of the text cut off. */
export const cut = Symbol('cut');

/** Deeper values are skipped, because the reader looks at none of them. */
const maxDepth = 6;

/** How many elements of a list are kept. */
const maxElements = 10;

type Fields = Record<string, unknown>;

/** An object or a list whose end has not been read yet. */
interface Frame {
  readonly into: Fields | unknown[];
  key: string | undefined;
  /** Whether the colon after the key has been read. */
  colon: boolean;
}

type Token = '{' | '}' | '[' | ']' | ',' | ':' | { readonly value: unknown };

/**
 * Parses a JSON document that breaks off, or that contains words that are not JSON. Undefined where the text does not
 * begin as an object or a list. It reads each character once.
 */
export function parsePart(text: string): unknown {
  const frames: Frame[] = [];
  let root: unknown;
  let passedOver = 0;
  for (const token of tokensOf(text)) {
    const opens = token === '{' || token === '[';
    const closes = token === '}' || token === ']';
    const frame = frames.at(-1);
    if (passedOver > 0 || (opens && frames.length === maxDepth)) passedOver += Number(opens) - Number(closes);
    else if (opens) {
      const into = token === '[' ? [] : (Object.create(null) as Fields);
      if (frame) keep(frame, into);
      root ??= into;
      frames.push({ into, key: undefined, colon: false });
    } else if (!frame) return undefined;
    else if (closes) frames.pop();
    else read(frame, token);
    if (frames.length === 0) return root;
  }
  for (const frame of frames) if (frame.colon) keep(frame, cut);
  return root;
}

function read(frame: Frame, token: ',' | ':' | { readonly value: unknown }): void {
  if (token === ',') {
    frame.key = undefined;
    frame.colon = false;
  } else if (token === ':') frame.colon = frame.key !== undefined;
  else if (Array.isArray(frame.into) || frame.colon) keep(frame, token.value);
  else frame.key = typeof token.value === 'string' ? token.value : undefined;
}

function keep(frame: Frame, value: unknown): void {
  if (!Array.isArray(frame.into)) {
    if (frame.key !== undefined && frame.colon) frame.into[frame.key] = value;
    frame.key = undefined;
    frame.colon = false;
  } else if (frame.into.length < maxElements) frame.into.push(value);
}

const space = /\s+/y;
const word = /[^\s,:{}[\]"]+/y;

/** The tokens of a text. A token that the end of the text cuts off has the value `cut`. */
function* tokensOf(text: string): Generator<Token> {
  for (let at = 0; at < text.length; ) {
    const character = text.charAt(at);
    if (character === '"') {
      const end = endOfString(text, at);
      yield { value: end > text.length ? cut : stringOf(text.slice(at, end)) };
      at = end;
    } else if ('{}[],:'.includes(character)) {
      yield character as Token;
      at += 1;
    } else {
      const end = endOf(space, text, at) ?? endOf(word, text, at) ?? at + 1;
      const literal = text.slice(at, end);
      if (literal.trim() !== '') yield { value: end === text.length ? cut : valueOfLiteral(literal) };
      at = end;
    }
  }
}

function endOf(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}

/** The index after the closing quotation mark; past the end of the text where there is none. */
function endOfString(text: string, begin: number): number {
  for (let at = begin + 1; at < text.length; at++) {
    if (text[at] === '"') return at + 1;
    if (text[at] === '\\') at++;
  }
  return text.length + 1;
}

function stringOf(quoted: string): unknown {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    return JSON.parse(quoted, keepable);
  } catch {
    return undefined;
  }
}

const literals = new Map<string, unknown>([
  ['null', null],
  ['true', true],
  ['false', false],
]);

/**
 * The value of a literal. A number that JavaScript cannot represent exactly stays text; a word that is not JSON becomes
 * undefined.
 */
function valueOfLiteral(literal: string): unknown {
  if (!/^-?\d+(?:\.\d+)?$/.test(literal)) return literals.get(literal);
  return keepable('', Number(literal), { source: literal });
}
