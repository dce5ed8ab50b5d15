import type { Caller } from './caller.ts';
import { LimitExceededError, UnauthenticatedError } from './errors.ts';

/** How often a client for whom nothing changes is asked again whether it may wait for it. */
const recheckMs = 60_000;

/** Counts the subscriptions that each client has open on this instance. */
export class OpenSubscriptions {
  readonly #max: number;
  readonly #open = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Passes on what a client watches, as long as its credentials hold. `watch` is to end with its signal.
   *
   * @throws LimitExceededError when the client has as many open as it may.
   * @throws UnauthenticatedError when its credentials hold no longer.
   */
  async *admit<Item>(
    { name, isStillWelcome }: Caller,
    watch: (left: AbortSignal) => AsyncIterable<Item>,
  ): AsyncGenerator<Item, void, void> {
    const leave = this.#enter(name);
    const over = new AbortController();
    const endUnlessWelcome = (welcome: boolean): void => void (welcome || over.abort());
    const recheck = setInterval(() => void isStillWelcome().then(endUnlessWelcome, () => {}), recheckMs);
    try {
      for await (const item of watch(over.signal)) {
        if (!(await isStillWelcome())) throw new UnauthenticatedError();
        yield item;
      }
      if (over.signal.aborted) throw new UnauthenticatedError();
    } finally {
      clearInterval(recheck);
      leave();
    }
  }

  #enter(name: string): () => void {
    const open = this.#open.get(name) ?? 0;
    if (open >= this.#max) {
      throw new LimitExceededError(`${open} subscriptions are open`, 'MAX_SUBSCRIPTIONS', this.#max);
    }
    this.#open.set(name, open + 1);
    return () => {
      const left = (this.#open.get(name) ?? 1) - 1;
      if (left > 0) this.#open.set(name, left);
      else this.#open.delete(name);
    };
  }
}
