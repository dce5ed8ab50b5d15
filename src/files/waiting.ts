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

/** Lets so many pieces of work be done at once. The others wait for their turn, in the order in which they came. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}
