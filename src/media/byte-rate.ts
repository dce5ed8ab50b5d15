import { setTimeout as sleep } from 'node:timers/promises';

/** Spreads bytes over time, so that all users of one rate together take no more than it allows. */
export class ByteRate {
  readonly #bytesPerSecond: number | null;
  #freeAtMs = 0;

  /** Null for no limit. */
  constructor(bytesPerSecond: number | null) {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Resolves when these bytes fit into the rate. */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    if (this.#bytesPerSecond === null) return;
    const nowMs = performance.now();
    const waitMs = Math.max(0, this.#freeAtMs - nowMs);
    this.#freeAtMs = Math.max(this.#freeAtMs, nowMs) + (bytes / this.#bytesPerSecond) * 1_000;
    if (waitMs > 0) await sleep(waitMs, undefined, { signal });
  }
}
