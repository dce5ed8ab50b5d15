import type { Client } from '../videos/client.ts';
import type { SpendingLimits } from '../videos/spending.ts';

/** What a client may be allowed to do. */
export const scopes = {
  read: 'Its own tasks may be read, listed and watched.',
  submit: 'Videos may be ordered, which spends money, and unconfirmed orders resolved.',
  admin: "Everything, and with every client's tasks.",
} as const;

export type Scope = keyof typeof scopes;

export const isScope = (text: string): text is Scope => Object.hasOwn(scopes, text);

/** Who sends a request: a client, as far as its credentials reach. */
export interface Caller extends Client {
  readonly scopes: readonly Scope[];
  /** Whether the credentials still hold: asked again by what goes on for longer than a request. */
  readonly isStillWelcome: () => Promise<boolean>;
}

/** A client with what its credentials say. `admin` includes the other scopes. */
export function callerOf(
  name: string,
  granted: readonly Scope[],
  limits: SpendingLimits,
  isStillWelcome: () => Promise<boolean>,
): Caller {
  const seesAll = granted.includes('admin');
  return { name, seesAll, limits, isStillWelcome, scopes: seesAll ? (Object.keys(scopes) as Scope[]) : granted };
}
