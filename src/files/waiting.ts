import { unlessAborted } from '../work/unless-aborted.ts';

/** The items of an iterable, until the signal aborts: then its reason is thrown, even while the next item is awaited. */
export async function* orAborted<Item>(items: AsyncIterable<Item>, signal: AbortSignal): AsyncGenerator<Item> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await unlessAborted(iterator.next(), signal);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // It is not awaited, because an iterator that still waits for its next item answers only afterwards.
    iterator.return?.().catch(() => {});
  }
}
