export interface ClaimLoopSettings {
  /** Items worked on at once. */
  readonly concurrency: number;
  /** The pause between two claims where nothing is due. */
  readonly pollMs: number;
}

/** What a capability does with a claim loop. */
export interface ClaimedWork<Item> {
  /**
   * Takes up to `limit` items that are due and no other claimant's, and holds them under a lease that is longer than
   * `work` can take: should this process die, the lease runs out and the item is claimed again.
   */
  claim(limit: number): Promise<readonly Item[]>;
  /** Does what is to be done with an item. What it rejects with goes to `onFailed`, and the item is due again after its lease. */
  work(item: Item): Promise<void>;
  onFailed(item: Item, error: unknown): void;
  /** Hears when claims begin to fail, and not again before one has succeeded. */
  onClaimFailed(error: unknown): void;
  /** How many items may be under way at the moment, of `concurrency`: a capability that is throttled says less. */
  limit?(concurrency: number): number;
  /** Is called when the last item under way has ended: work that is written in batches is written then. */
  onIdle?(): Promise<void>;
}

/**
 * A claim costs about as much for one item as for many. So after one that found something, the next comes so much later,
 * or, where more was due than there was room for, once half of the places are free.
 */
const gatherMs = 100;

/**
 * Claims what is due and works on it with bounded concurrency until it is stopped. It knows no capability.
 *
 * These hold at any time: no more items are under way than `limit` says; an item is worked on only while this process
 * holds its lease; a claim that fails is tried again after the poll's pause, so that a database that is away ends no
 * loop and is not asked without pause.
 */
export class ClaimLoop<Item> {
  readonly #work: ClaimedWork<Item>;
  readonly #settings: ClaimLoopSettings;
  readonly #underWay = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #wake = Promise.withResolvers<void>();
  /** As soon as so many places are free, the next claim is worth its cost. */
  #enoughRoom = 1;
  #running: Promise<void> | undefined;
  #failing = false;

  constructor(work: ClaimedWork<Item>, settings: ClaimLoopSettings) {
    this.#work = work;
    this.#settings = settings;
  }

  /** Begins to claim. Items of an earlier process are among those that are due. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Claims no more, and resolves when all items under way have ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake.resolve();
    await this.#running;
    await this.#finish();
  }

  /** Works on everything that is due by now, and resolves when all of it has ended. Rejects when a claim fails. */
  async runDue(): Promise<void> {
    while ((await this.#startDue(this.#room())) > 0) await this.#finish();
  }

  /** Whether the last claim failed. */
  get failing(): boolean {
    return this.#failing;
  }

  async #finish(): Promise<void> {
    await Promise.all(this.#underWay);
    await this.#work.onIdle?.();
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#wake = Promise.withResolvers();
      const room = this.#room();
      const started = await this.#tryStartDue(room);
      const tookAll = started < room;
      this.#enoughRoom = tookAll ? Number.POSITIVE_INFINITY : this.#settings.concurrency / 2;
      const pauseMs = tookAll && started === 0 ? this.#settings.pollMs : Math.min(gatherMs, this.#settings.pollMs);
      const timer = setTimeout(this.#wake.resolve, pauseMs);
      if (this.#room() < this.#enoughRoom) await this.#wake.promise;
      clearTimeout(timer);
    }
  }

  async #tryStartDue(room: number): Promise<number> {
    try {
      const started = await this.#startDue(room);
      this.#failing = false;
      return started;
    } catch (error) {
      if (!this.#failing) this.#work.onClaimFailed(error);
      this.#failing = true;
      return 0;
    }
  }

  #room(): number {
    const { concurrency } = this.#settings;
    const limit = this.#work.limit?.(concurrency) ?? concurrency;
    return Math.max(limit - this.#underWay.size, 0);
  }

  /** Claims up to `room` items and starts work on each; returns how many. */
  async #startDue(room: number): Promise<number> {
    if (room === 0) return 0;
    const items = await this.#work.claim(room);
    for (const item of items) this.#begin(item);
    return items.length;
  }

  #begin(item: Item): void {
    const working = this.#work
      .work(item)
      .catch((error: unknown) => this.#work.onFailed(item, error))
      .finally(() => {
        this.#underWay.delete(working);
        if (this.#underWay.size === 0) void this.#work.onIdle?.();
        if (this.#room() >= this.#enoughRoom) this.#wake.resolve();
      });
    this.#underWay.add(working);
  }
}
