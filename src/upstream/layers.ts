import { cut } from './partial-json.ts';
import { orderWrapperNames, type Path, requestIdNames, taskIdNames, wrapperNames } from './reply-words.ts';
import { keepable } from './storable-text.ts';

export type Fields = Readonly<Record<string, unknown>>;

/** An object of a reply that may describe a task: the reply itself, or an object inside it that wraps the task. */
export interface Layer {
  readonly fields: Fields;
  readonly depth: number;
  /** The ids under the names of a task id, in this object or, where it has none, in the object around it. */
  readonly ids: readonly string[];
  /** The same for names that mostly hold the id of a request. */
  readonly requestIds: readonly string[];
}

const maxLayers = 8;
const maxLayerDepth = 2;
const maxElements = 10;

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Reads an own property, because a reply may use names that every object inherits, such as `constructor`. */
export const fieldOf = (fields: Fields, name: string): unknown =>
  Object.hasOwn(fields, name) ? fields[name] : undefined;

/** The fields that may wrap a task, and which elements of a list are read. */
export interface Scope {
  readonly names: readonly string[];
  readonly open: (list: readonly unknown[]) => readonly unknown[];
}

/** A list with one element is read as that element. In a longer list it is not known which element is meant. */
const ofOneTask: Scope = { names: wrapperNames, open: (list) => (list.length === 1 ? list : []) };
export const ofOneOrder: Scope = { ...ofOneTask, names: orderWrapperNames };
export const ofAnyOrder: Scope = { ...ofOneOrder, open: (list) => list.slice(0, maxElements) };

/** The layers of a reply, the outermost first. `json` may be any value. */
export function layersOf(json: unknown, scope = ofOneTask): Layer[] {
  const opened = (value: unknown) => (Array.isArray(value) ? scope.open(value) : [unwrapped(value)]).filter(isFields);
  const layers = opened(json)
    .slice(0, maxLayers)
    .map((fields) => layerOf(fields, 0));
  // The loop also visits the layers that it appends.
  for (const outer of layers) {
    if (outer.depth === maxLayerDepth) break;
    for (const inner of scope.names.flatMap((name) => opened(fieldOf(outer.fields, name)))) {
      if (layers.length < maxLayers) layers.push(layerOf(inner, outer.depth + 1, outer));
    }
  }
  return layers;
}

/** A longer text is not parsed. */
const maxWrappedLength = 64 * 1024;

/** Some relays wrap a task in a string of JSON. */
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

/** The values under the names of an id, as text. A 0 or an empty text means that there is no id. */
export function idsOf(fields: Fields, names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const value = fieldOf(fields, name);
    const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value;
    return typeof text === 'string' && text.trim() !== '' && text !== '0' ? text.trim() : [];
  });
}

/** Every value at the end of a path. Of a list, only the first elements are followed. */
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

/** Whether a value holds any information. An object whose fields are all empty holds none. */
export function isSaid(value: unknown, depth = 0): boolean {
  if (value === cut) return true;
  if (typeof value === 'string') return value.trim() !== '';
  if (Array.isArray(value)) return value.length > 0;
  if (isFields(value)) return Object.values(value).some((inner) => depth === maxSaidDepth || isSaid(inner, depth + 1));
  return Boolean(value);
}

const maxSaidDepth = 3;
