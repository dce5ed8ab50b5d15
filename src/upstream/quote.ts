import type { KeyFinder } from './key-finder.ts';

/** What the upstream says is kept and shown no longer than this. */
const maxQuoteLength = 500;

/** As much of a text as is looked at for a quote of it. */
const maxReadLength = 2_000;

/** Control characters, line separators, and what turns the direction of writing. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be found.
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]+/g;

const html = /^<|<\/[a-z]|<!doctype|<html|<br|<p>|<script/i;

/** Where the text of an error turns into the places in a program that it came through. */
const stack =
  /\n\s{0,8}at |Traceback \(most recent|\s{0,8}File "[^"]{1,200}", line \d| at \S{1,200} \(\S{1,300}:\d|\n\s{0,8}goroutine \d/;

/** A text of the upstream's as it may be shown and kept: short, on one line, without the key, markup or a stack. */
export type Quote = (text: string) => string | null;

export function createQuote({ redact }: KeyFinder): Quote {
  return (text) => {
    // The key first, because a cut could leave a part of it.
    const read = redact(text).slice(0, maxReadLength).trim();
    if (html.test(read)) return null;
    const [message = ''] = read.split(stack, 1);
    const printable = message.replace(unprintable, ' ').trim();
    return printable.slice(0, maxQuoteLength).toWellFormed() || null;
  };
}
