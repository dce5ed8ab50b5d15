import { unlessAborted } from '../work/unless-aborted.ts';

/** Keeps the promises under way, so that a shutdown can wait for them. */
export class PendingWork {
  readonly #pending = new Set<Promise<unknown>>();

  /** Adds a promise until it settles, and returns it. */
  track<Result>(promise: Promise<Result>): Promise<Result> {
    this.#pending.add(promise);
    const done = () => void this.#pending.delete(promise);
    promise.then(done, done);
    return promise;
  }

  /** Adds work that may be left undone, until it settles or the signal aborts. */
  trackUntil(work: Promise<unknown>, signal: AbortSignal): void {
    void this.track(unlessAborted(work, signal).catch(() => {}));
  }

  /** Resolves when all promises that are pending now have settled. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending);
  }
}
