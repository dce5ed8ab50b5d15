import { cut } from './partial-json.ts';
import { orderWrapperNames, type Path, requestIdNames, taskIdNames, wrapperNames } from './reply-words.ts';
import { keepable } from './storable-text.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** An object of a reply in which a task may be spoken of: the reply itself, or what it wraps the task in. */
export interface Layer {
  readonly fields: Fields;
  readonly depth: number;
  /** The ids under the names of a task's id, here or, where there are none, in what this is wrapped in. */
  readonly ids: readonly string[];
  /** The same for ids that are mostly the request's. */
  readonly requestIds: readonly string[];
}

const maxLayers = 8;
const maxLayerDepth = 2;
const maxElements = 10;

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A field of its own: a reply may hold names that every object has. */
export const fieldOf = (fields: Fields, name: string): unknown =>
  Object.hasOwn(fields, name) ? fields[name] : undefined;

/** What of a list is looked into, and in what a task may be wrapped. */
export interface Scope {
  readonly names: readonly string[];
  readonly open: (list: readonly unknown[]) => readonly unknown[];
}

/** A list of one is as good as what is in it; of a longer one it cannot be told which element is meant. */
const ofOneTask: Scope = { names: wrapperNames, open: (list) => (list.length === 1 ? list : []) };
export const ofOneOrder: Scope = { ...ofOneTask, names: orderWrapperNames };
export const ofAnyOrder: Scope = { ...ofOneOrder, open: (list) => list.slice(0, maxElements) };

/** The layers of a reply, the outermost first. */
export function layersOf(json: unknown, scope = ofOneTask): Layer[] {
  const opened = (value: unknown) => (Array.isArray(value) ? scope.open(value) : [unwrapped(value)]).filter(isFields);
  const layers = opened(json)
    .slice(0, maxLayers)
    .map((fields) => layerOf(fields, 0));
  // The list grows while it is gone through.
  for (const outer of layers) {
    if (outer.depth === maxLayerDepth) break;
    for (const inner of scope.names.flatMap((name) => opened(fieldOf(outer.fields, name)))) {
      if (layers.length < maxLayers) layers.push(layerOf(inner, outer.depth + 1, outer));
    }
  }
  return layers;
}

/** No text that is longer is looked into. */
const maxWrappedLength = 64 * 1024;

/** Some neighbours wrap a task in JSON that is a text. */
function unwrapped(value: unknown): unknown {
  if (typeof value !== 'string' || !value.startsWith('{') || value.length > maxWrappedLength) return value;
  try {
    return JSON.parse(value, keepable);
  } catch {
    return value;
  }
}

function layerOf(fields: Fields, depth: number, outer?: Layer): Layer {
  const own = idsOf(fields, taskIdNames);
  const ownOfRequest = idsOf(fields, requestIdNames);
  return {
    fields,
    depth,
    ids: own.length > 0 ? own : (outer?.ids ?? []),
    requestIds: ownOfRequest.length > 0 ? ownOfRequest : (outer?.requestIds ?? []),
  };
}

/** What stands under the names of an id, as text; a 0 or an empty text is the place of an id and none. */
export function idsOf(fields: Fields, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const value = fieldOf(fields, name);
    const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value;
    return typeof text === 'string' && text.trim() !== '' && text !== '0' ? text.trim() : [];
  });
}

/** Every value that a path leads to, of each list the first elements. */
export function valuesAt(fields: Fields, path: Path): unknown[] {
  return path.reduce<unknown[]>(
    (values, step) =>
      values.flatMap((value) => {
        if (step === '[]') return Array.isArray(value) ? value.slice(0, maxElements) : [];
        return isFields(value) ? [fieldOf(value, step)] : [];
      }),
    [fields],
  );
}

/** Whether a value is there and says something: an error whose every field is empty is none. */
export function isSaid(value: unknown, depth = 0): boolean {
  if (value === cut) return true;
  if (typeof value === 'string') return value.trim() !== '';
  if (Array.isArray(value)) return value.length > 0;
  if (isFields(value)) return Object.values(value).some((inner) => depth === maxSaidDepth || isSaid(inner, depth + 1));
  return Boolean(value);
}

const maxSaidDepth = 3;
