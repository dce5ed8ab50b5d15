import { LRUCache } from 'lru-cache';

/**
 * Parsed documents are kept up to so many characters in all; each takes up to 300 bytes of memory, parsed, and a
 * short one more.
 */
const maxCharacters = 150_000;

/** What was made of documents, by their texts. */
export const documentCache = <Value extends object>() =>
  new LRUCache<string, Value>({ maxSize: maxCharacters, sizeCalculation: (_, text) => text.length + 200 });
