import { LimitExceededError, UnauthenticatedError } from '../errors.ts';
import type { Caller } from './caller.ts';

/** Counts the open subscriptions of each client on this instance. */
export class OpenSubscriptions {
  readonly #max: number;
  readonly #open = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Yields the items of `watch` as long as the caller's credentials are valid. They are checked for each item; a null
   * item stands for a check without news and is not yielded.
   *
   * @throws LimitExceededError when the client has as many open as it may.
   * @throws UnauthenticatedError when its credentials are no longer valid.
   */
  async *admit<Item>(
    { client, isStillValid }: Caller,
    watch: AsyncIterable<Item | null>,
  ): AsyncGenerator<Item, void, void> {
    const release = this.#enter(client);
    try {
      for await (const item of watch) {
        if (!(await isStillValid())) throw new UnauthenticatedError();
        if (item !== null) yield item;
      }
    } finally {
      release();
    }
  }

  #enter(client: string): () => void {
    const open = this.#open.get(client) ?? 0;
    if (open >= this.#max) {
      throw new LimitExceededError(`${open} subscriptions are open`, 'MAX_SUBSCRIPTIONS', this.#max);
    }
    this.#open.set(client, open + 1);
    return () => {
      const left = (this.#open.get(client) ?? 1) - 1;
      if (left > 0) this.#open.set(client, left);
      else this.#open.delete(client);
    };
  }
}
