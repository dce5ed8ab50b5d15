import type { Topic } from '../tasks/upstream.ts';
import { fieldOf, isFields, isSaid, type Layer } from './layers.ts';
import type { Quote } from './quote.ts';
import { codeNames, fineCodes, reasonNames, retryAfterNames, statusOfWord } from './reply-words.ts';
import { topicOf } from './topics.ts';

/** Why something went wrong, as the upstream says it. */
export interface Reason {
  /** Fit to be shown and kept; null where nothing is said. */
  readonly text: string | null;
  readonly topic: Topic | null;
}

export const noReason: Reason = { text: null, topic: null };

/** How deep a reason may stand in another one, how many elements of a list are read, how many texts are joined. */
const maxDepth = 4;
const maxElements = 5;
const maxTexts = 4;

interface Said {
  readonly texts: string[];
  readonly codes: string[];
}

/** What the first of the values that says anything says: every text and every code of it, once. */
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
  // RFC 9457 has the address of a page in the place of a code.
  if (!codes.includes(code.trim()) && !/^about:|:\/\//.test(code)) codes.push(code.trim());
}

/** `Request rejected. (content_policy_violation)` */
function joined({ texts, codes }: Said, quote: Quote): Reason {
  const quoted = texts.slice(0, maxTexts).flatMap((text) => quote(text) ?? []);
  const more = codes.flatMap((code) => quote(code) ?? []).filter((code) => !quoted.some((text) => text.includes(code)));
  const topic = topicOf(codes, quoted);
  if (quoted.length === 0) return { text: more.length > 0 ? quote(more.join(', ')) : null, topic };
  return { text: quote(quoted.join('; ') + (more.length > 0 ? ` (${more.join(', ')})` : '')), topic };
}

/** Whether a layer says that what it answers went wrong, whatever its word for the status is. */
export function saysError({ fields }: Layer): boolean {
  if (isSaid(fieldOf(fields, 'error')) || isSaid(fieldOf(fields, 'errors'))) return true;
  if (fieldOf(fields, 'success') === false || fieldOf(fields, 'ok') === false) return true;
  const code = fieldOf(fields, 'code');
  return isSaid(code) && isCode(code) && !isFine(code);
}

/** Where a text stands that is an error's in a reply with an error status. */
const errorNames = reasonNames.filter((name) => !['title', 'description'].includes(name));

/** Whether a layer of a reply with an error status says what went wrong, or had begun to. */
export function saysWhy(layer: Layer): boolean {
  if (saysError(layer)) return true;
  const code = fieldOf(layer.fields, 'code');
  if (isCode(code) && isFine(code)) return false;
  return errorNames.some((name) => {
    const value = fieldOf(layer.fields, name);
    return isSaid(value) && !(isCode(value) && isFine(value));
  });
}

/** What is neither a text nor a number is no code: a list, an object, or one that the end of the text cuts off. */
const isCode = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number';

const isFine = (code: string | number): boolean => fineCodes.has(String(code).trim().toLowerCase());

/** How long to wait, where the body of a reply says it; undefined where it does not. */
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
