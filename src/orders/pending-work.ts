/** Promises under way, so that a shutdown can wait for them. */
export class PendingWork {
  readonly #pending = new Set<Promise<unknown>>();

  /** Returns the promise as it is. */
  track<Result>(promise: Promise<Result>): Promise<Result> {
    this.#pending.add(promise);
    const done = () => void this.#pending.delete(promise);
    promise.then(done, done);
    return promise;
  }

  /** Resolves when all that is pending now has ended. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending);
  }
}
