import { LRUCache } from 'lru-cache';

/**
 * How many characters the cached documents may have together. A parsed document takes up to 300 bytes per character,
 * and a short one more.
 */
const maxCharacters = 150_000;

/** Creates a cache for values that are derived from documents, by the text of the document. */
export const documentCache = <Value extends object>() =>
  new LRUCache<string, Value>({ maxSize: maxCharacters, sizeCalculation: (_, text) => text.length + 200 });
