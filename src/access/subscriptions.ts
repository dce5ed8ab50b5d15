import { LimitExceededError, UnauthenticatedError } from '../errors.ts';
import type { Caller } from './caller.ts';

/** Counts the subscriptions that each client has open on this instance. */
export class OpenSubscriptions {
  readonly #max: number;
  readonly #open = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Passes on what a client watches, as long as its credentials hold: they are asked for whenever it is looked at, which
   * null stands for where there is nothing new.
   *
   * @throws LimitExceededError when the client has as many open as it may.
   * @throws UnauthenticatedError when its credentials hold no longer.
   */
  async *admit<Item>(
    { client, isStillWelcome }: Caller,
    watch: AsyncIterable<Item | null>,
  ): AsyncGenerator<Item, void, void> {
    const leave = this.#enter(client);
    try {
      for await (const item of watch) {
        if (!(await isStillWelcome())) throw new UnauthenticatedError();
        if (item !== null) yield item;
      }
    } finally {
      leave();
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
