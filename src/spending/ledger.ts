import { LRUCache } from 'lru-cache';
import { afterRefund, afterSpending, type Cost, type SpendingLimits, type Usage, unused, usageAt } from './limits.ts';
import type { SavedUsage, UsageStore } from './usage-store.ts';

/** A client and its limits. */
export interface Spender {
  readonly client: string;
  readonly limits: SpendingLimits;
}

/** Computes the usage after an order or a refund, or the error where a limit forbids it. */
type Entry = (usage: Usage) => Usage | Error;

interface Waiting {
  readonly entry: Entry;
  readonly settle: (problem: Error | null) => void;
  readonly fail: (error: unknown) => void;
}

/** How many clients' usages are kept in memory. The usage of any other client is read from the database. */
const maxRemembered = 10_000;

/**
 * Counts what clients order. The counts are in the database, so limits hold across all instances: a usage is written
 * only over the version from which it was computed. Entries of one client that arrive together become one write.
 */
export class Ledger {
  readonly #store: UsageStore;
  readonly #now: () => Date;
  readonly #waiting = new Map<string, Waiting[]>();
  /** Each client's usage as this instance last saw it. Another instance may have written a newer one. */
  readonly #latest = new LRUCache<string, SavedUsage>({ max: maxRemembered });

  constructor(store: UsageStore, now: () => Date) {
    this.#store = store;
    this.#now = now;
  }

  /**
   * Counts an order at the time `at`.
   *
   * @throws RateLimitedError, QuotaExceededError when a limit forbids it; then nothing was counted.
   * @throws DatabaseUnavailableError when it could not be counted.
   */
  async spend({ client, limits }: Spender, cost: Cost, at: Date): Promise<void> {
    const problem = await this.#enter(client, (usage) => afterSpending(usage, cost, limits, at));
    if (problem) throw problem;
  }

  /** Takes back what was counted for an order that was not placed or is not billed. */
  async refund(client: string, cost: Cost, countedAt: Date): Promise<void> {
    await this.#enter(client, (usage) => afterRefund(usage, cost, countedAt));
  }

  /** The client's usage of this minute and this day. */
  async usageOf(client: string): Promise<Usage> {
    return usageAt((await this.#store.find(client)) ?? unused, this.#now());
  }

  async #enter(client: string, entry: Entry): Promise<Error | null> {
    const { promise, resolve, reject } = Promise.withResolvers<Error | null>();
    const waiting = this.#waiting.get(client);
    const mine = { entry, settle: resolve, fail: reject };
    if (waiting) waiting.push(mine);
    else {
      this.#waiting.set(client, [mine]);
      void this.#writeAll(client);
    }
    return promise;
  }

  /** Writes the waiting entries of a client, and those that arrive during a write, until none is left. */
  async #writeAll(client: string): Promise<void> {
    for (let batch = this.#take(client); batch.length > 0; batch = this.#take(client)) {
      try {
        const problems = await this.#write(client, batch);
        for (const [index, { settle }] of batch.entries()) settle(problems[index] ?? null);
      } catch (error) {
        for (const { fail } of batch) fail(error);
      }
    }
    this.#waiting.delete(client);
  }

  /**
   * Takes the waiting entries. The empty list stays in the map, so that the next entry knows that a write is under way.
   */
  #take(client: string): Waiting[] {
    return this.#waiting.get(client)?.splice(0) ?? [];
  }

  /** Applies all entries in one write. Returns for each entry the error that forbids it, or null. */
  async #write(client: string, batch: readonly Waiting[]): Promise<(Error | null)[]> {
    for (;;) {
      const remembered = this.#latest.get(client);
      const before = remembered ?? (await this.#store.find(client)) ?? { ...unused, version: 0 };
      const { usage, problems } = makeAll(before, batch);
      const refused = problems.some((problem) => problem !== null);
      this.#latest.delete(client);
      // The usage in memory may be out of date, so no order is refused by it: the loop reads the database and tries
      // again.
      if (refused && remembered) continue;
      const saved = usage === before ? before : await this.#store.save(client, usage, before.version);
      if (!saved) continue;
      this.#latest.set(client, saved);
      return problems;
    }
  }
}

/** Applies the entries that the limits allow. Returns the usage after them, and for each entry its error, or null. */
function makeAll(before: Usage, batch: readonly Waiting[]) {
  let usage = before;
  const problems = batch.map(({ entry }) => {
    const after = entry(usage);
    if (after instanceof Error) return after;
    usage = after;
    return null;
  });
  return { usage, problems };
}
