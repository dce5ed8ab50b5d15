export interface AccountLimits {
  /** How many orders are taken in a minute; null for no limit. */
  readonly submitsPerMinute: number | null;
  /** How many orders are taken before the account is out of credit; null for no limit. */
  readonly credit: number | null;
}

/** Why an order is not taken. */
export interface AccountRefusal {
  readonly status: number;
  readonly message: string;
  readonly headers: Record<string, string>;
}

const minuteMs = 60_000;

/** The sandbox's account: a pace, and a credit that runs out. */
export class SandboxAccount {
  readonly #limits: AccountLimits;
  #credit: number;
  /** When orders were taken in the last minute. */
  #takenAtMs: number[] = [];

  constructor(limits: AccountLimits) {
    this.#limits = limits;
    this.#credit = limits.credit ?? Number.POSITIVE_INFINITY;
  }

  /** Takes an order: null, or why it is not taken. */
  take(nowMs = Date.now()): AccountRefusal | null {
    const { submitsPerMinute } = this.#limits;
    if (this.#credit < 1) return { status: 402, message: 'The account is out of credit.', headers: {} };
    this.#takenAtMs = this.#takenAtMs.filter((takenAtMs) => takenAtMs > nowMs - minuteMs);
    const [oldestMs = nowMs] = this.#takenAtMs;
    if (submitsPerMinute !== null && this.#takenAtMs.length >= submitsPerMinute) {
      const retryAfter = String(Math.ceil((oldestMs + minuteMs - nowMs) / 1_000));
      return { status: 429, message: 'There are too many requests.', headers: { 'retry-after': retryAfter } };
    }
    this.#credit -= 1;
    this.#takenAtMs.push(nowMs);
    return null;
  }
}
