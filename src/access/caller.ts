import type { Spender } from '../spending/ledger.ts';
import type { SpendingLimits } from '../spending/usage.ts';
import type { Viewer } from '../tasks/task-reader.ts';

/** What a client may be allowed to do. */
export const scopes = {
  read: 'Its own tasks may be read, listed and watched.',
  submit: 'Videos may be ordered, which spends money, and unconfirmed orders resolved.',
  admin: "Everything, and with every client's tasks.",
} as const;

export type Scope = keyof typeof scopes;

export const isScope = (text: string): text is Scope => Object.hasOwn(scopes, text);

/** Who sends a request: on behalf of which client, and how far its credentials reach. */
export interface Caller extends Spender, Viewer {
  readonly scopes: readonly Scope[];
  /** Whether the credentials still hold: asked again by what goes on for longer than a request. */
  readonly isStillWelcome: () => Promise<boolean>;
}

/** A caller by what its credentials say. `admin` includes the other scopes. */
export function callerOf(
  client: string,
  granted: readonly Scope[],
  limits: SpendingLimits,
  isStillWelcome: () => Promise<boolean>,
): Caller {
  const seesAll = granted.includes('admin');
  return { client, seesAll, limits, isStillWelcome, scopes: seesAll ? (Object.keys(scopes) as Scope[]) : granted };
}
