import type { Topic } from '../tasks/upstream.ts';
import { fieldOf, isFields, isSaid, type Layer } from './layers.ts';
import type { Quote } from './quote.ts';
import { codeNames, fineCodes, reasonNames, retryAfterNames, statusOfWord } from './reply-words.ts';
import { topicOf } from './topics.ts';

/** The upstream's reason for a failure. */
export interface Reason {
  /** Fit to be shown and stored; null where no reason is given. */
  readonly text: string | null;
  readonly topic: Topic | null;
}

export const noReason: Reason = { text: null, topic: null };

/** How deep reasons may be nested, how many elements of a list are read, and how many texts are joined. */
const maxDepth = 4;
const maxElements = 5;
const maxTexts = 4;

interface Said {
  readonly texts: string[];
  readonly codes: string[];
}

/** The reason in the first value that has one: all its texts and codes, each once. */
export function reasonOf(values: readonly unknown[], quote: Quote): Reason {
  for (const value of values) {
    const said: Said = { texts: [], codes: [] };
    collect(value, said, 0);
    const reason = joined(said, quote);
    if (reason.text !== null) return reason;
  }
  return noReason;
}

function collect(value: unknown, said: Said, depth: number): void {
  if (said.texts.length + said.codes.length >= 2 * maxTexts) return;
  if (typeof value === 'string') addText(said, value);
  if (typeof value === 'number') addCode(said, value);
  if (depth > maxDepth) return;
  if (Array.isArray(value)) for (const element of value.slice(0, maxElements)) collect(element, said, depth + 1);
  if (!isFields(value)) return;
  for (const name of codeNames) addCode(said, fieldOf(value, name));
  for (const name of reasonNames) collect(fieldOf(value, name), said, depth + 1);
}

function addText({ texts }: Said, value: string): void {
  const text = value.trim();
  const says = text !== '' && !fineCodes.has(text.toLowerCase()) && statusOfWord(text) !== 'COMPLETED';
  if (says && !texts.includes(text)) texts.push(text);
}

function addCode({ codes }: Said, value: unknown): void {
  const code = typeof value === 'number' ? String(value) : value;
  if (typeof code !== 'string' || code.trim() === '' || fineCodes.has(code.trim().toLowerCase())) return;
  // Skips URLs, because RFC 9457 puts the address of a page into `type`.
  if (!codes.includes(code.trim()) && !/^about:|:\/\//.test(code)) codes.push(code.trim());
}

/** Joins texts and codes: `Request rejected. (content_policy_violation)`. */
function joined({ texts, codes }: Said, quote: Quote): Reason {
  const quoted = texts.slice(0, maxTexts).flatMap((text) => quote(text) ?? []);
  const more = codes.flatMap((code) => quote(code) ?? []).filter((code) => !quoted.some((text) => text.includes(code)));
  const topic = topicOf(codes, quoted);
  if (quoted.length === 0) return { text: more.length > 0 ? quote(more.join(', ')) : null, topic };
  return { text: quote(quoted.join('; ') + (more.length > 0 ? ` (${more.join(', ')})` : '')), topic };
}

/** Whether a layer reports an error beside its status. */
export function saysError({ fields }: Layer): boolean {
  if (isSaid(fieldOf(fields, 'error')) || isSaid(fieldOf(fields, 'errors'))) return true;
  if (fieldOf(fields, 'success') === false || fieldOf(fields, 'ok') === false) return true;
  const code = fieldOf(fields, 'code');
  return isSaid(code) && isCode(code) && !isFine(code);
}

/** Fields whose text is a reason when the reply has an error status. */
const errorNames = reasonNames.filter((name) => !['title', 'description'].includes(name));

/** Whether a layer of a reply with an error status gives a reason, or begins to. */
export function saysWhy(layer: Layer): boolean {
  if (saysError(layer)) return true;
  const code = fieldOf(layer.fields, 'code');
  if (isCode(code) && isFine(code)) return false;
  return errorNames.some((name) => {
    const value = fieldOf(layer.fields, name);
    return isSaid(value) && !(isCode(value) && isFine(value));
  });
}

/** Codes are texts or numbers; lists, objects and values that were cut off are not. */
const isCode = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number';

const isFine = (code: string | number): boolean => fineCodes.has(String(code).trim().toLowerCase());

/** The wait in milliseconds that the body of a reply asks for; undefined where it asks for none. */
export function retryAfterMsIn(layers: readonly Layer[]): number | undefined {
  const places = layers.flatMap(({ fields }) => [fields, fieldOf(fields, 'error')]).filter(isFields);
  for (const fields of places) {
    for (const name of retryAfterNames) {
      const value = fieldOf(fields, name);
      const seconds = typeof value === 'string' && /^\d{1,10}(?:\.\d{1,6})?$/.test(value) ? Number(value) : value;
      if (typeof seconds === 'number' && seconds >= 0 && seconds < 1e10) return seconds * 1_000;
    }
  }
  return undefined;
}
