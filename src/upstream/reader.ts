import { fieldOf, idsOf, type Layer, layersOf, valuesAt } from './layers.ts';
import { linkOf } from './link.ts';
import type { Quote } from './quote.ts';
import { noReason, type Reason, reasonOf, retryAfterMsIn, saysError } from './reason.ts';
import type { Observed } from './replies.ts';
import {
  certainLinkPaths,
  durationPaths,
  isEnvelopeWord,
  isRefusalWord,
  linkPaths,
  type Path,
  requestIdNames,
  statusNames,
  statusOfWord,
  taskIdNames,
  taskObject,
} from './words.ts';

/** Ids are kept in rows and in indexes; no true one is longer. */
export const maxUpstreamIdLength = 255;

/** Nothing that is a step in a path, because the id becomes one, and nothing that a row or a line cannot hold. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be found.
const unusableId = /^\.{1,2}$|[\u0000-\u001f\u007f-\u009f\ufffd]/;

const isUsableId = (id: string): boolean => id.length <= maxUpstreamIdLength && !unusableId.test(id);

/** As much as is shown of an id that cannot be used. */
const maxQuotedId = 100;

/** What a submit's reply says. */
export interface SubmitReading {
  readonly upstreamId: string | null;
  /** The beginning of an id that cannot be used, where there is no other. */
  readonly unusableId: string | null;
  readonly upstreamStatus: string | null;
}

/**
 * Reads the reply to an order, whole or in part. An error status leaves only what stands outermost under the names of a
 * task's id: everything deeper may be the error's own.
 */
export function readSubmit(json: unknown, accepted: boolean, quote: Quote): SubmitReading {
  const layers = layersOf(json);
  const [root] = layers;
  if (!root) return { upstreamId: null, unusableId: null, upstreamStatus: null };
  const outermost = idsOf(root.fields, taskIdNames);
  const believed = accepted && !layers.some(refuses) ? layers : [];
  const inner = believed.slice(1).flatMap(({ fields }) => idsOf(fields, taskIdNames));
  const ids = outermost.concat(inner);
  const requestIds = believed.flatMap(({ fields }) => idsOf(fields, requestIdNames));
  // The id of a request is no better than an id of a task that cannot be used.
  const upstreamId = (ids.length > 0 ? ids : requestIds).find(isUsableId) ?? null;
  const [unusable] = ids.concat(requestIds);
  return {
    upstreamId,
    unusableId: upstreamId === null && unusable !== undefined ? (quote(unusable)?.slice(0, maxQuotedId) ?? '') : null,
    upstreamStatus: quoteWord(layers.map(wordOf).find((word) => word !== null) ?? null, quote),
  };
}

const refuses = (layer: Layer): boolean => {
  const status = statusOfWord(wordOf(layer) ?? '');
  return saysError(layer) || status === 'FAILED' || status === 'CANCELLED';
};

/** Reads why an answer is an error. */
export function readRefusal(json: unknown, text: string, quote: Quote): Reason & { retryAfterMs: number | undefined } {
  const layers = layersOf(json);
  const reason = reasonOf(layers.length > 0 ? layers.map(({ fields }) => fields) : [json ?? text], quote);
  return { ...reason, retryAfterMs: retryAfterMsIn(layers) };
}

/** Whose task a reply speaks of. */
type Speaks = 'OURS' | 'NO_NAME' | 'OTHER';

/** What a check's reply says of the task `ours`; null where it does not speak of a task at all. */
export function readCheck(json: unknown, ours: string, quote: Quote): Observed | null {
  const layers = layersOf(json);
  const speaks = whose(layers, ours);
  // Where one layer names our task, what another one is wrapped around does not count.
  const heard = layers.filter((layer) => speaks !== 'OURS' || whose([layer], ours) !== 'OTHER');
  const rank = (layer: Layer) => rankOf(layer) + (whose([layer], ours) === 'NO_NAME' ? 0 : maxRank);
  const said = heard.filter((layer) => rankOf(layer) > 0).toSorted((one, other) => rank(other) - rank(one));
  said.push(...heard.filter((layer) => !said.includes(layer)));
  const [best] = said;
  if (!best) return null;
  const word = wordOf(best);
  const status = statusOfWord(word ?? '');
  const certainLink = linkIn(said, certainLinkPaths);
  if (word === null && certainLink === null) return null;
  const link = status === 'UNKNOWN' ? certainLink : linkIn(said, linkPaths);
  const failed = status === 'FAILED' || status === 'CANCELLED';
  const reason = failed
    ? reasonOf(
        said.map(({ fields }) => fields),
        quote,
      )
    : noReason;
  const moderated =
    status === 'FAILED' && (reason.topic ?? (isRefusalWord(word ?? '') ? 'CONTENT' : null)) === 'CONTENT';
  const evident = speaksOfTask(said, word ?? '', link ?? certainLink) || (moderated && !isEnvelopeWord(word ?? ''));
  // An envelope speaks of the request, whatever its word sounds like.
  if (speaks === 'NO_NAME' && (failed || status === 'COMPLETED' || link !== null) && !evident) return null;
  return {
    kind: 'OBSERVED',
    status,
    upstreamStatus: quoteWord(word, quote),
    videoUrl: link,
    durationSeconds: durationIn(said),
    error: reason.text,
    moderated,
    otherIds: speaks === 'OTHER' ? [...new Set(heard.flatMap(({ ids }) => ids))].slice(0, maxOtherIds) : [],
  };
}

const maxOtherIds = 4;

function whose(layers: readonly Layer[], ours: string): Speaks {
  if (layers.some(({ ids, requestIds }) => ids.includes(ours) || requestIds.includes(ours))) return 'OURS';
  return layers.some(({ ids }) => ids.length > 0) ? 'OTHER' : 'NO_NAME';
}

function wordOf({ fields }: Layer): string | null {
  const word = statusNames.map((name) => fieldOf(fields, name)).find((value) => typeof value === 'string');
  return typeof word === 'string' ? word : null;
}

const quoteWord = (word: string | null, quote: Quote): string | null =>
  word === null ? null : (quote(word)?.slice(0, maxWordLength).toWellFormed() ?? '');

const maxWordLength = 100;

const maxRank = 4;

/** A word that only a task has says more than one that an envelope has too, and any word more than none. */
function rankOf(layer: Layer): number {
  const word = wordOf(layer);
  if (word === null) return 0;
  if (statusOfWord(word) === 'UNKNOWN') return isEnvelopeWord(word) ? 1 : 2;
  return isEnvelopeWord(word) ? 3 : 4;
}

/** Whether a reply without an id speaks of a task in all else. */
function speaksOfTask(layers: readonly Layer[], word: string, link: string | null): boolean {
  if (link !== null && !isEnvelopeWord(word)) return true;
  return layers.some(({ fields }) => {
    const object = fieldOf(fields, 'object');
    if (typeof object === 'string' && taskObject.test(object.slice(0, 100))) return true;
    if (certainLinkPaths.some(([first = '']) => Object.hasOwn(fields, first))) return true;
    return !isEnvelopeWord(word) && typeof fieldOf(fields, 'model') === 'string';
  });
}

function linkIn(layers: readonly Layer[], paths: readonly Path[]): string | null {
  for (const value of candidatesIn(layers, paths)) {
    const link = typeof value === 'string' ? linkOf(value.trim()) : null;
    if (link !== null) return link;
  }
  return null;
}

function durationIn(layers: readonly Layer[]): number | null {
  for (const value of candidatesIn(layers, durationPaths)) {
    const seconds = typeof value === 'string' && /^\d{1,6}(?:\.\d{1,9})?$/.test(value) ? Number(value) : value;
    if (typeof seconds === 'number' && seconds > 0 && seconds < 1e6) return seconds;
  }
  return null;
}

const candidatesIn = (layers: readonly Layer[], paths: readonly Path[]): unknown[] =>
  layers.flatMap(({ fields }) => paths.flatMap((path) => valuesAt(fields, path)));
