import type { KeyFinder } from './key-finder.ts';

/** The longest quote of the upstream that is stored and shown. */
const maxQuoteLength = 500;

/** How many characters of a text are read to make a quote of it. */
const maxReadLength = 2_000;

/** Control characters, line separators, and characters that change the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the expression searches for them.
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+/g;

const html = /^<|<\/[a-z]|<!doctype|<html|<br|<p>|<script/i;

/** Where a stack trace begins in the text of an error. */
const stack =
  /\n\s{0,8}at |Traceback \(most recent|\s{0,8}File "[^"]{1,200}", line \d| at \S{1,200} \(\S{1,300}:\d|\n\s{0,8}goroutine \d/;

/**
 * Makes a text of the upstream fit to be shown and stored: short, on one line, without the key, markup or a stack
 * trace. Null where nothing is left.
 */
export type Quote = (text: string) => string | null;

export function createQuote({ redact }: KeyFinder): Quote {
  return (text) => {
    // The key is redacted first, because cutting the text could leave a part of it.
    const read = redact(text).slice(0, maxReadLength).trim();
    if (html.test(read)) return null;
    const [message = ''] = read.split(stack, 1);
    const printable = message.replace(unprintable, ' ').trim();
    return printable.slice(0, maxQuoteLength).toWellFormed() || null;
  };
}
