import { LRUCache } from 'lru-cache';

/**
 * Returns a value that stays equal as long as cached rows are valid. Null where changes by other writers cannot be
 * noticed, so that no row may be reused.
 */
export type Epoch = () => unknown;

/** The size of a cache: the characters of all texts in its rows. */
const maxCharacters = 20_000_000;

/** What a row takes besides its texts, roughly, in characters. */
const rowCharacters = 1_000;

/**
 * Keeps rows as they were last read or written, because reading a row takes most of a request's time. The writer of a
 * row calls `keep` or `forget`. A write by another process changes the epoch or is announced by a notification, which
 * calls `forget`.
 */
export class RowCache<Row extends object> {
  readonly #epoch: Epoch;
  readonly #rows: LRUCache<string, Row>;
  /** Reads under way. A read is removed when its row is written during it, so that its outdated result is not kept. */
  readonly #reading = new Map<string, Promise<Row | null>>();
  #seen: unknown = null;

  /** `ttlMs` is how long a row is used if no change of it is noticed. */
  constructor(epoch: Epoch, ttlMs: number, charactersOf: (row: Row) => number) {
    this.#epoch = epoch;
    const sizeCalculation = (row: Row): number => rowCharacters + charactersOf(row);
    this.#rows = new LRUCache({ maxSize: maxCharacters, sizeCalculation, ttl: ttlMs });
  }

  /** The cached row where it is valid; otherwise what `read` returns. Concurrent loads of one row share one read. */
  async load(key: string, read: () => Promise<Row | null>): Promise<Row | null> {
    if (!this.#isCurrent()) return read();
    const known = this.#rows.get(key) ?? this.#reading.get(key);
    if (known) return known;
    const reading = read();
    this.#reading.set(key, reading);
    try {
      const row = await reading;
      if (row && this.#reading.get(key) === reading) this.#rows.set(key, row);
      return row;
    } finally {
      if (this.#reading.get(key) === reading) this.#reading.delete(key);
    }
  }

  /** The cached row, which may be out of date. */
  peek(key: string): Row | undefined {
    return this.#rows.peek(key);
  }

  /** Keeps a row that was just written. */
  keep(key: string, row: Row): void {
    this.forget(key);
    this.#rows.set(key, row);
  }

  forget(key: string): void {
    this.#reading.delete(key);
    this.#rows.delete(key);
  }

  forgetAll(): void {
    this.#reading.clear();
    this.#rows.clear();
  }

  /** Whether cached rows may be used. Drops all rows when the epoch has changed. */
  #isCurrent(): boolean {
    const epoch = this.#epoch();
    if (epoch === this.#seen) return epoch !== null;
    this.forgetAll();
    this.#seen = epoch;
    return epoch !== null;
  }
}
