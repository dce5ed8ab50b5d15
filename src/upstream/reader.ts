import type { Observed } from '../tasks/upstream.ts';
import {
  type Fields,
  fieldOf,
  idsOf,
  isSaid,
  type Layer,
  layersOf,
  ofAnyOrder,
  ofOneOrder,
  valuesAt,
} from './layers.ts';
import { cut } from './partial-json.ts';
import type { Quote } from './quote.ts';
import { noReason, type Reason, reasonOf, retryAfterMsIn, saysError, saysWhy } from './reason.ts';
import {
  certainLinkPaths,
  durationPaths,
  isEnvelopeWord,
  isRefusalWord,
  linkPaths,
  moderationPaths,
  orderWrapperNames,
  type Path,
  requestIdNames,
  statusNames,
  statusOfWord,
  taskIdNames,
  taskObject,
  wrapperNames,
} from './reply-words.ts';
import { linkOf } from './video-link.ts';

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
  /** Whether it may be the answer to an order that was accepted, though its status is an error's. */
  readonly mayBePaid: boolean;
}

/**
 * Reads the reply to an order, whole or in part. What stands outermost under the names of a task's id is always believed;
 * what stands deeper, or is the request's, only where nothing says error.
 */
export function readSubmit(
  json: unknown,
  { accepted, whole }: { readonly accepted: boolean; readonly whole: boolean },
  quote: Quote,
): SubmitReading {
  const layers = layersOf(json, ofOneOrder);
  const everywhere = layersOf(json, ofAnyOrder);
  const refused = everywhere.some(refuses);
  const [outermost = [], ...deeper] = layers.map(({ fields }) => idsOf(fields, taskIdNames));
  const ids = refused ? outermost : outermost.concat(...deeper);
  const garbled = everywhere.some(({ fields }) => hasGarbledId(fields));
  const others = refused || garbled ? [] : layers.flatMap(wrappedIdsOf);
  if (accepted && whole && !refused && !garbled && others.length === 0) others.push(...layers.flatMap(ownRequestIdsOf));
  // The id of a request is no better than an id of a task that cannot be used.
  const upstreamId = (ids.length > 0 ? ids : others).find(isUsableId) ?? null;
  const [unusable] = ids.concat(others);
  const named = everywhere.some(({ fields }) => idsOf(fields, taskIdNames).length > 0);
  const runs = everywhere.some((layer) => openStatuses.has(statusOfWord(wordOf(layer) ?? '')));
  // What has not come yet may name a task, as long as no error has been spoken of.
  const brokeOff = !whole && !refused && !everywhere.some(saysWhy);
  return {
    upstreamId,
    unusableId: upstreamId === null && unusable !== undefined ? (quote(unusable)?.slice(0, maxQuotedId) ?? '') : null,
    upstreamStatus: quoteWord(layers.map(wordOf).find((word) => word !== null) ?? null, quote),
    mayBePaid: accepted || named || garbled || runs || brokeOff,
  };
}

const openStatuses = new Set<Observed['status']>(['QUEUED', 'PROCESSING']);

/** Whether an id has begun that cannot be read: the end of the text cuts it off, or it is an object or a list. */
const hasGarbledId = (fields: Fields): boolean =>
  taskIdNames.some((name) => {
    const value = fieldOf(fields, name);
    return value === cut || (typeof value === 'object' && isSaid(value));
  });

/** An id that is all there is in the place of the task: `{"code":"success","data":"video_7"}`. */
function wrappedIdsOf({ fields }: Layer): string[] {
  if (!['code', 'success'].some((name) => Object.hasOwn(fields, name))) return [];
  return idsOf(fields, wrapperNames).filter((id) => /^[\w.:-]{1,255}$/.test(id) && /\d/.test(id));
}

/** The id of a request counts only where it is around nothing that may have an id of its own. */
const ownRequestIdsOf = ({ fields }: Layer): string[] =>
  orderWrapperNames.some((name) => isSaid(fieldOf(fields, name))) ? [] : idsOf(fields, requestIdNames);

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
  // Where one layer names our task, what another one says of its own does not count; without a word it is our video.
  const heard = layers.filter(
    (layer) => speaks !== 'OURS' || whose([layer], ours) !== 'OTHER' || wordOf(layer) === null,
  );
  const rank = (layer: Layer) => rankOf(layer) + (whose([layer], ours) === 'NO_NAME' ? 0 : maxRank);
  const said = heard.filter((layer) => rankOf(layer) > 0).toSorted((one, other) => rank(other) - rank(one));
  said.push(...heard.filter((layer) => !said.includes(layer)));
  const [best] = said;
  if (!best) return null;
  const word = wordOf(best);
  const certainLink = linkIn(said, certainLinkPaths);
  if (word === null && certainLink === null) return null;
  const wordStatus = statusOfWord(word ?? '');
  const link = wordStatus === 'UNKNOWN' ? certainLink : linkIn(said, linkPaths);
  const heldBack = wordStatus === 'COMPLETED' && link === null && candidatesIn(said, moderationPaths).includes(false);
  const status = heldBack ? 'FAILED' : wordStatus;
  const failed = status === 'FAILED' || status === 'CANCELLED';
  const unfinished = failed || (status === 'COMPLETED' && link === null);
  const fields = said.map((layer) => layer.fields);
  const reason = unfinished ? reasonOf(fields, quote) : noReason;
  const refusalWord = heldBack || isRefusalWord(word ?? '');
  const moderated = status === 'FAILED' && (reason.topic ?? (refusalWord ? 'CONTENT' : null)) === 'CONTENT';
  const refusal = failed && reason.topic === 'CONTENT' && !isEnvelopeWord(word ?? '');
  const evident = refusal || speaksOfTask(said, word ?? '', link ?? certainLink);
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

/** Reads an answer with an error status as one about the task `ours`; null where it speaks of the request. */
export function readFailedCheck(json: unknown, ours: string, quote: Quote): Observed | null {
  const layers = layersOf(json);
  // An error's own word for itself is one that an envelope says, or one that is not known.
  const saysTask = layers.some((layer) => rankOf(layer) === maxRank && whose([layer], ours) === 'OURS');
  return saysTask ? readCheck(json, ours, quote) : null;
}

/** Whether a reply names a task, and not ours. */
export const namesAnother = (json: unknown, ours: string): boolean => whose(layersOf(json), ours) === 'OTHER';

function whose(layers: readonly Layer[], ours: string): Speaks {
  if (layers.some(({ ids, requestIds }) => ids.includes(ours) || requestIds.includes(ours))) return 'OURS';
  return layers.some(({ ids }) => ids.length > 0) ? 'OTHER' : 'NO_NAME';
}

function wordOf({ fields }: Layer): string | null {
  const words = statusNames.map((name) => fieldOf(fields, name)).filter((value) => typeof value === 'string');
  const said = words.filter((word) => word.trim() !== '');
  // Beside a word of the task's own, one that an envelope says too is the envelope's.
  return said.find((word) => !isEnvelopeWord(word)) ?? said[0] ?? words[0] ?? null;
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

/** Fields that only a task has: an envelope may have `metadata` or `assets`. */
const videoNames = certainLinkPaths.map(([first = '']) => first).filter((first) => /^video|^task/.test(first));

/** Whether a reply without an id speaks of a task in all else. */
function speaksOfTask(layers: readonly Layer[], word: string, link: string | null): boolean {
  if (link !== null && !isEnvelopeWord(word)) return true;
  return layers.some(({ fields }) => {
    const object = fieldOf(fields, 'object');
    if (typeof object === 'string' && taskObject.test(object.slice(0, 100))) return true;
    if (videoNames.some((name) => Object.hasOwn(fields, name))) return true;
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
