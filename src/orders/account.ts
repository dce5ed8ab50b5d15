import type { WaitReason } from '../tasks/wait-reasons.ts';

/** An account of the upstream, and whether orders are sent to it at present. All instances share it. */
export interface Account {
  readonly name: string;
  /** Each write increments it; 0 before the first. */
  readonly version: number;
  /** When the operator paused submitting; null while it is not paused. */
  readonly pausedAt: Date | null;
  /** Why orders wait for the account; null while they do not. */
  readonly blockedBy: WaitReason | null;
  /** Until then nothing is sent to a blocked account. Afterwards one order at a time is. */
  readonly blockedUntil: Date | null;
  /** How many refusals there have been in a row. */
  readonly refusals: number;
  /** When an order was last taken while the account was blocked. */
  readonly takenAt: Date | null;
  /** While the account is blocked, one process at a time sends; until then it is the one that wrote this. */
  readonly sendingUntil: Date | null;
  /** The highest turn that was sent. */
  readonly lastTurn: number;
  /** When orders were sent in the last minute, in Unix milliseconds; empty where the pace is not limited. */
  readonly recentSends: readonly number[];
}

export type AccountChange = Partial<Omit<Account, 'name' | 'version'>>;

/** An account of which nothing has been written yet. */
export const newAccount = (name: string): Account => ({
  name,
  version: 0,
  pausedAt: null,
  blockedBy: null,
  blockedUntil: null,
  refusals: 0,
  takenAt: null,
  sendingUntil: null,
  lastTurn: 0,
  recentSends: [],
});

/** PORT: stores accounts. All methods throw DatabaseUnavailableError. */
export interface AccountStore {
  /** The account with this name, as a new one where nothing was written of it. */
  find(name: string): Promise<Account>;
  /** Changes the account if it still has the version that was read; null where another write came first. */
  update(account: Account, change: AccountChange): Promise<Account | null>;
}
