/** The items of an iterable, until the signal aborts: then its reason is thrown, even while the next item is awaited. */
export async function* orAborted<Item>(items: AsyncIterable<Item>, signal: AbortSignal): AsyncGenerator<Item> {
  const iterator = items[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await raced(iterator.next(), signal);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    // It is not awaited, because an iterator that still waits for its next item answers only afterwards.
    iterator.return?.().catch(() => {});
  }
}

/** The result of a promise, or the reason of the signal where that aborts first. Leaves no listener behind. */
function raced<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  const { promise: first, resolve, reject } = Promise.withResolvers<Value>();
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  promise.then(resolve, reject);
  return first.finally(() => signal.removeEventListener('abort', abort));
}
