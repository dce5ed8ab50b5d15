export interface ClaimLoopSettings {
  /** How many items are worked on at the same time. */
  readonly concurrency: number;
  /** The pause after a claim that found nothing. */
  readonly pollMs: number;
}

/** The functions by which a capability uses a claim loop. */
export interface ClaimedWork<Item> {
  /**
   * Claims up to `limit` due items that have no running lease, and leases them for longer than `work` can take. If this
   * process dies, the leases end and the items are claimed again.
   */
  claim(limit: number): Promise<readonly Item[]>;
  /** Works on one item. An error goes to `onFailed`, and the item is due again when its lease ends. */
  work(item: Item): Promise<void>;
  onFailed(item: Item, error: unknown): void;
  /** Called when claims begin to fail, and not again before one has succeeded. */
  onClaimFailed(error: unknown): void;
  /** How many items may be under way now, `concurrency` at most. A throttled capability returns less. */
  limit?(concurrency: number): number;
  /** Called when the last item under way has ended, for capabilities that write in batches. */
  onIdle?(): Promise<void>;
}

/**
 * How long items are left to gather. A claim costs about as much for one item as for many, so after a claim that found
 * something the next one comes this much later; or, where more was due than fitted, as soon as half of the places are
 * free.
 */
const gatherMs = 100;

/**
 * Claims due items and works on them with bounded concurrency until it is stopped. It knows no capability.
 *
 * These hold at any time:
 * - No more items are under way than `limit` says.
 * - An item is worked on only while this process holds its lease.
 * - A failed claim is tried again after `pollMs`, so an unreachable database neither ends the loop nor is asked without
 *   a pause.
 */
export class ClaimLoop<Item> {
  readonly #work: ClaimedWork<Item>;
  readonly #settings: ClaimLoopSettings;
  readonly #underWay = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #wake = Promise.withResolvers<void>();
  /** How many places must be free before the next claim is made early. */
  #enoughRoom = 1;
  #running: Promise<void> | undefined;
  #failing = false;

  constructor(work: ClaimedWork<Item>, settings: ClaimLoopSettings) {
    this.#work = work;
    this.#settings = settings;
  }

  /** Starts to claim, including items that an earlier process left. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Stops claiming, and resolves when all items under way have ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake.resolve();
    await this.#running;
    await this.#finish();
  }

  /** Works on everything that is due now, and resolves when all of it has ended. Rejects when a claim fails. */
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

  /** Claims up to `room` items and starts to work on each. Returns how many were claimed. */
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
