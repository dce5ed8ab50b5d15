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

/** A longer id is not accepted, because ids are stored in rows and indexes. */
export const maxUpstreamIdLength = 255;

/**
 * Ids that cannot be used: `.` and `..`, because the id becomes a segment of a URL, and characters that a row or a log
 * line cannot hold.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the expression searches for them.
const unusableId = /^\.{1,2}$|[\u0000-\u001f\u007f-\u009f\ufffd]/;

const isUsableId = (id: string): boolean => id.length <= maxUpstreamIdLength && !unusableId.test(id);

/** How many characters of an unusable id are shown. */
const maxQuotedId = 100;

/** What the reply to a submit says. */
export interface SubmitReading {
  readonly upstreamId: string | null;
  /** The beginning of an unusable id, where there is no usable one. */
  readonly unusableId: string | null;
  readonly upstreamStatus: string | null;
  /** Whether the order may have been accepted although the reply has an error status. */
  readonly mayBePaid: boolean;
}

/**
 * Reads the reply to an order, which may have broken off. An id under the name of a task id in the outermost object is
 * always believed. An id deeper inside, or under the name of a request id, is believed only where nothing in the reply
 * reports an error.
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
  // A usable request id does not replace an unusable task id, because it names something else.
  const upstreamId = (ids.length > 0 ? ids : others).find(isUsableId) ?? null;
  const [unusable] = ids.concat(others);
  const named = everywhere.some(({ fields }) => idsOf(fields, taskIdNames).length > 0);
  const runs = everywhere.some((layer) => openStatuses.has(statusOfWord(wordOf(layer) ?? '')));
  // The missing part of a reply may name a task, unless the part that arrived reports an error.
  const brokeOff = !whole && !refused && !everywhere.some(saysWhy);
  return {
    upstreamId,
    unusableId: upstreamId === null && unusable !== undefined ? (quote(unusable)?.slice(0, maxQuotedId) ?? '') : null,
    upstreamStatus: quoteWord(layers.map(wordOf).find((word) => word !== null) ?? null, quote),
    mayBePaid: accepted || named || garbled || runs || brokeOff,
  };
}

const openStatuses = new Set<Observed['status']>(['QUEUED', 'PROCESSING']);

/** Whether a task id is unreadable: the end of the text cuts it off, or it is an object or a list. */
const hasGarbledId = (fields: Fields): boolean =>
  taskIdNames.some((name) => {
    const value = fieldOf(fields, name);
    return value === cut || (typeof value === 'object' && isSaid(value));
  });

/** Ids that stand where the task should stand: `{"code":"success","data":"video_7"}`. */
function wrappedIdsOf({ fields }: Layer): string[] {
  if (!['code', 'success'].some((name) => Object.hasOwn(fields, name))) return [];
  return idsOf(fields, wrapperNames).filter((id) => /^[\w.:-]{1,255}$/.test(id) && /\d/.test(id));
}

/** A request id counts only where its object wraps nothing that may have an id of its own. */
const ownRequestIdsOf = ({ fields }: Layer): string[] =>
  orderWrapperNames.some((name) => isSaid(fieldOf(fields, name))) ? [] : idsOf(fields, requestIdNames);

const refuses = (layer: Layer): boolean => {
  const status = statusOfWord(wordOf(layer) ?? '');
  return saysError(layer) || status === 'FAILED' || status === 'CANCELLED';
};

/** Reads the reason of a refusal, and the wait that it asks for. */
export function readRefusal(json: unknown, text: string, quote: Quote): Reason & { retryAfterMs: number | undefined } {
  const layers = layersOf(json);
  const reason = reasonOf(layers.length > 0 ? layers.map(({ fields }) => fields) : [json ?? text], quote);
  return { ...reason, retryAfterMs: retryAfterMsIn(layers) };
}

/** Which task a reply is about: ours, one without an id, or another one. */
type Subject = 'OURS' | 'NO_NAME' | 'OTHER';

/** What the reply to a check says about the task with the id `ours`; null where it is not about a task. */
export function readCheck(json: unknown, ours: string, quote: Quote): Observed | null {
  const layers = layersOf(json);
  const subject = subjectOf(layers, ours);
  // When one layer names our task, layers that name another task are left out, unless they have no status: then they
  // are its video.
  const relevant = layers.filter(
    (layer) => subject !== 'OURS' || subjectOf([layer], ours) !== 'OTHER' || wordOf(layer) === null,
  );
  const rank = (layer: Layer) => rankOf(layer) + (subjectOf([layer], ours) === 'NO_NAME' ? 0 : maxRank);
  const ranked = relevant.filter((layer) => rankOf(layer) > 0).toSorted((one, other) => rank(other) - rank(one));
  ranked.push(...relevant.filter((layer) => !ranked.includes(layer)));
  const [best] = ranked;
  if (!best) return null;
  const word = wordOf(best);
  const certainLink = linkIn(ranked, certainLinkPaths);
  if (word === null && certainLink === null) return null;
  const wordStatus = statusOfWord(word ?? '');
  const link = wordStatus === 'UNKNOWN' ? certainLink : linkIn(ranked, linkPaths);
  const heldBack = wordStatus === 'COMPLETED' && link === null && candidatesIn(ranked, moderationPaths).includes(false);
  const status = heldBack ? 'FAILED' : wordStatus;
  const failed = status === 'FAILED' || status === 'CANCELLED';
  const unfinished = failed || (status === 'COMPLETED' && link === null);
  const fields = ranked.map((layer) => layer.fields);
  const reason = unfinished ? reasonOf(fields, quote) : noReason;
  const refusalWord = heldBack || isRefusalWord(word ?? '');
  const moderated = status === 'FAILED' && (reason.topic ?? (refusalWord ? 'CONTENT' : null)) === 'CONTENT';
  const refusal = failed && reason.topic === 'CONTENT' && !isEnvelopeWord(word ?? '');
  const evident = refusal || describesTask(ranked, word ?? '', link ?? certainLink);
  // A reply without an id ends a task only if it evidently describes a task: an envelope with a word such as "success"
  // describes the request.
  if (subject === 'NO_NAME' && (failed || status === 'COMPLETED' || link !== null) && !evident) return null;
  return {
    kind: 'OBSERVED',
    status,
    upstreamStatus: quoteWord(word, quote),
    videoUrl: link,
    durationSeconds: durationIn(ranked),
    error: reason.text,
    moderated,
    otherIds: subject === 'OTHER' ? [...new Set(relevant.flatMap(({ ids }) => ids))].slice(0, maxOtherIds) : [],
  };
}

const maxOtherIds = 4;

/** Reads an answer with an error status that describes the task `ours`; null where it describes only the request. */
export function readFailedCheck(json: unknown, ours: string, quote: Quote): Observed | null {
  const layers = layersOf(json);
  // Only a status that no envelope has counts, because an error may use envelope words or unknown words for itself.
  const saysTask = layers.some((layer) => rankOf(layer) === maxRank && subjectOf([layer], ours) === 'OURS');
  return saysTask ? readCheck(json, ours, quote) : null;
}

/** Whether a reply names another task and not ours. */
export const namesAnother = (json: unknown, ours: string): boolean => subjectOf(layersOf(json), ours) === 'OTHER';

function subjectOf(layers: readonly Layer[], ours: string): Subject {
  if (layers.some(({ ids, requestIds }) => ids.includes(ours) || requestIds.includes(ours))) return 'OURS';
  return layers.some(({ ids }) => ids.length > 0) ? 'OTHER' : 'NO_NAME';
}

function wordOf({ fields }: Layer): string | null {
  const words = statusNames.map((name) => fieldOf(fields, name)).filter((value) => typeof value === 'string');
  const said = words.filter((word) => word.trim() !== '');
  // When there are several words, one that an envelope also uses is taken for the envelope's.
  return said.find((word) => !isEnvelopeWord(word)) ?? said[0] ?? words[0] ?? null;
}

const quoteWord = (word: string | null, quote: Quote): string | null =>
  word === null ? null : (quote(word)?.slice(0, maxWordLength).toWellFormed() ?? '');

const maxWordLength = 100;

const maxRank = 4;

/**
 * Ranks a layer by its status word: known words before unknown ones, and words that only a task has before those that
 * an envelope has too. 0 means no word.
 */
function rankOf(layer: Layer): number {
  const word = wordOf(layer);
  if (word === null) return 0;
  if (statusOfWord(word) === 'UNKNOWN') return isEnvelopeWord(word) ? 1 : 2;
  return isEnvelopeWord(word) ? 3 : 4;
}

/** Names of fields that only a task has. An envelope may have `metadata` or `assets`. */
const videoNames = certainLinkPaths.map(([first = '']) => first).filter((first) => /^video|^task/.test(first));

/** Whether a reply without an id evidently describes a task. */
function describesTask(layers: readonly Layer[], word: string, link: string | null): boolean {
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
