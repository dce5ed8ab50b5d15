import type { Caller } from './caller.ts';
import { LimitExceededError, UnauthenticatedError } from './errors.ts';

/** Counts the subscriptions that each client has open on this instance. */
export class OpenSubscriptions {
  readonly #max: number;
  readonly #open = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Passes on what a client watches, as long as its credentials hold.
   *
   * @throws LimitExceededError when the client has as many open as it may.
   * @throws UnauthenticatedError when its credentials hold no longer.
   */
  async *admit<Item>({ name, isStillWelcome }: Caller, items: AsyncIterable<Item>): AsyncGenerator<Item, void, void> {
    const open = this.#open.get(name) ?? 0;
    if (open >= this.#max) {
      throw new LimitExceededError(`${open} subscriptions are open`, 'MAX_SUBSCRIPTIONS', this.#max);
    }
    this.#open.set(name, open + 1);
    try {
      for await (const item of items) {
        if (!(await isStillWelcome())) throw new UnauthenticatedError();
        yield item;
      }
    } finally {
      const left = (this.#open.get(name) ?? 1) - 1;
      if (left > 0) this.#open.set(name, left);
      else this.#open.delete(name);
    }
  }
}
