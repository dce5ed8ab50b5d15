import { OutboundError } from './outbound-error.ts';

/** The limits of a request, and what its message says where the time is over. */
const limits = {
  HEADERS: 'did not answer in time',
  IDLE: 'stopped sending, or its answer was not read',
  WHOLE: 'took too long to send its answer',
} as const;

type Limit = keyof typeof limits;

/**
 * How long a request may go on. Its signal aborts when the caller's does, when a limit is reached, and at the end in any
 * case: what is left of the request is then destroyed.
 */
export class RequestLife {
  readonly #ending = new AbortController();
  readonly #timers = new Map<Limit, NodeJS.Timeout>();
  readonly #callers: AbortSignal | undefined;
  readonly #host: string;

  constructor(host: string, callers: AbortSignal | undefined) {
    this.#host = host;
    this.#callers = callers;
    callers?.addEventListener('abort', this.#abandon);
    if (callers?.aborted) this.#abandon();
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** Ends the request after `ms`, unless the limit is lifted before. */
  limit(limit: Limit, ms: number): void {
    this.lift(limit);
    if (this.signal.aborted) return;
    const expire = () => this.end(new OutboundError('TIMEOUT', `The host ${this.#host} ${limits[limit]}.`));
    this.#timers.set(limit, setTimeout(expire, ms));
  }

  lift(limit: Limit): void {
    clearTimeout(this.#timers.get(limit));
  }

  readonly #abandon = (): void => this.end(this.#callers?.reason);

  end(reason?: unknown): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#callers?.removeEventListener('abort', this.#abandon);
    this.#ending.abort(reason);
  }
}
