import { LRUCache } from 'lru-cache';

/**
 * What a row that was read is good for: it may be used again as long as this stays what it was. Null where nobody
 * can know whether others have written.
 */
export type Epoch = () => unknown;

/** How many characters the texts of the rows in a cache may have together. */
const maxCharacters = 20_000_000;

/** About what a row takes besides its texts. */
const rowCharacters = 1_000;

/**
 * Rows as they were last read or written here: to read one again costs most of a request's time. Whoever writes a row
 * says so here; that others have written, the epoch says, or whoever hears of it by `forget`.
 */
export class RowCache<Row extends object> {
  readonly #epoch: Epoch;
  readonly #rows: LRUCache<string, Row>;
  /** Reads under way. One that a write has overtaken is not in here any more. */
  readonly #reading = new Map<string, Promise<Row | null>>();
  #seen: unknown = null;

  /** `ttlMs` says how long a row is believed at most, should nobody say that it has changed. */
  constructor(epoch: Epoch, ttlMs: number, charactersOf: (row: Row) => number) {
    this.#epoch = epoch;
    const sizeCalculation = (row: Row): number => rowCharacters + charactersOf(row);
    this.#rows = new LRUCache({ maxSize: maxCharacters, sizeCalculation, ttl: ttlMs });
  }

  /** The row where it is known to be as it was; otherwise what `read` brings, which all who ask meanwhile share. */
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

  /** What is known of the row, however it is by now. */
  peek(key: string): Row | undefined {
    return this.#rows.peek(key);
  }

  /** What was just written. */
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

  /** Whether rows may be used again; those of an earlier epoch are forgotten. */
  #isCurrent(): boolean {
    const epoch = this.#epoch();
    if (epoch === this.#seen) return epoch !== null;
    this.forgetAll();
    this.#seen = epoch;
    return epoch !== null;
  }
}
