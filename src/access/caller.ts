import type { Spender } from '../spending/ledger.ts';
import type { SpendingLimits } from '../spending/limits.ts';
import type { Viewer } from '../tasks/task-reader.ts';

/** The scopes that credentials can have. */
export const scopes = {
  read: 'Its own tasks may be read, listed and watched.',
  submit: 'Videos may be ordered, which spends money, and unconfirmed orders resolved.',
  admin: "Everything, and with every client's tasks.",
} as const;

export type Scope = keyof typeof scopes;

export const isScope = (text: string): text is Scope => Object.hasOwn(scopes, text);

/** The sender of a request: its client, its limits and its scopes. */
export interface Caller extends Spender, Viewer {
  readonly scopes: readonly Scope[];
  /** Whether the credentials are still valid. Subscriptions ask again, because they last longer than a request. */
  readonly isStillValid: () => Promise<boolean>;
}

/** Makes a caller of what its credentials say. The scope `admin` includes all others. */
export function callerOf(
  client: string,
  granted: readonly Scope[],
  limits: SpendingLimits,
  isStillValid: () => Promise<boolean>,
): Caller {
  const seesAll = granted.includes('admin');
  return { client, seesAll, limits, isStillValid, scopes: seesAll ? (Object.keys(scopes) as Scope[]) : granted };
}
