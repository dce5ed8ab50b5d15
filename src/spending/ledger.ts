import { LRUCache } from 'lru-cache';
import { afterRefund, afterSpending, type Cost, type SpendingLimits, type Usage, unused, usageAt } from './usage.ts';
import type { SavedUsage, UsageStore } from './usage-store.ts';

/** A client that orders, and what it may spend. */
export interface Spender {
  readonly client: string;
  readonly limits: SpendingLimits;
}

/** What becomes of a client's usage, or why it must not. */
type Entry = (usage: Usage) => Usage | Error;

interface Waiting {
  readonly entry: Entry;
  readonly settle: (problem: Error | null) => void;
  readonly fail: (error: unknown) => void;
}

/** Clients whose latest usage is remembered; what is forgotten is read again. */
const maxRemembered = 10_000;

/**
 * Counts what clients order, in the database, so that limits hold over all instances: a usage is only ever written
 * over the version it was worked out from. All entries of one client that come together are one write.
 */
export class Ledger {
  readonly #store: UsageStore;
  readonly #now: () => Date;
  readonly #waiting = new Map<string, Waiting[]>();
  /** Each client's usage as this instance last knew it. Another instance may have written since. */
  readonly #latest = new LRUCache<string, SavedUsage>({ max: maxRemembered });

  constructor(store: UsageStore, now: () => Date) {
    this.#store = store;
    this.#now = now;
  }

  /**
   * Sets what an order costs against the client's limits, as of `at`.
   *
   * @throws RateLimitedError, QuotaExceededError when a limit forbids it; then nothing was counted.
   * @throws DatabaseUnavailableError when it could not be counted.
   */
  async spend({ client, limits }: Spender, cost: Cost, at: Date): Promise<void> {
    const problem = await this.#enter(client, (usage) => afterSpending(usage, cost, limits, at));
    if (problem) throw problem;
  }

  /** Takes back what was counted for an order that was not placed, or turned out to cost nothing. */
  async refund(client: string, cost: Cost, countedAt: Date): Promise<void> {
    await this.#enter(client, (usage) => afterRefund(usage, cost, countedAt));
  }

  /** What the client has ordered in this minute and on this day. */
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

  /** Writes what waits, and what comes together meanwhile, until nothing does. */
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

  /** What waits by now; the list stays, so that the next entry knows that a write is under way. */
  #take(client: string): Waiting[] {
    return this.#waiting.get(client)?.splice(0) ?? [];
  }

  /** Makes all entries in one write; returns for each why it was not made, or null. */
  async #write(client: string, batch: readonly Waiting[]): Promise<(Error | null)[]> {
    for (;;) {
      const remembered = this.#latest.get(client);
      const before = remembered ?? (await this.#store.find(client)) ?? { ...unused, version: 0 };
      const { usage, problems } = makeAll(before, batch);
      const refused = problems.some((problem) => problem !== null);
      this.#latest.delete(client);
      // What is remembered may be out of date, so that no order is refused by it.
      if (refused && remembered) continue;
      const saved = usage === before ? before : await this.#store.save(client, usage, before.version);
      if (!saved) continue;
      this.#latest.set(client, saved);
      return problems;
    }
  }
}

/** The usage after every entry that can be made, and for each entry why it cannot, or null. */
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
