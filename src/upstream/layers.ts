import { cut } from './partial-json.ts';
import { type Path, requestIdNames, taskIdNames, wrapperNames } from './words.ts';

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

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A field of its own: a reply may hold names that every object has. */
export const fieldOf = (fields: Fields, name: string): unknown =>
  Object.hasOwn(fields, name) ? fields[name] : undefined;

/** A list of one is as good as what is in it. */
const single = (value: unknown): unknown => (Array.isArray(value) && value.length === 1 ? value[0] : value);

/** The layers of a reply, the outermost first. */
export function layersOf(json: unknown): Layer[] {
  const root = single(json);
  if (!isFields(root)) return [];
  const layers = [layerOf(root, 0)];
  // The list grows while it is gone through.
  for (const outer of layers) {
    if (outer.depth === maxLayerDepth) break;
    for (const name of wrapperNames) {
      const inner = single(fieldOf(outer.fields, name));
      if (isFields(inner) && layers.length < maxLayers) layers.push(layerOf(inner, outer.depth + 1, outer));
    }
  }
  return layers;
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

const maxElements = 10;

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

/** Whether a value is there and says something: an empty error is none. */
export function isSaid(value: unknown): boolean {
  if (value === cut) return true;
  if (typeof value === 'string') return value.trim() !== '';
  if (Array.isArray(value)) return value.length > 0;
  if (isFields(value)) return Object.keys(value).length > 0;
  return Boolean(value);
}
