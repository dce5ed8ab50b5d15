import { setTimeout as sleep } from 'node:timers/promises';
import type { TaskStore } from '../tasks/task-store.ts';
import type { Account, AccountStore } from './account.ts';
import { maxAccountAgeMs } from './account-gate.ts';

/**
 * How long after a pause was written an order may still leave: what a sender has read of the account may be so old, and
 * the sender is a moment late.
 */
const lastSendMs = maxAccountAgeMs + 500;

/** How often it is looked whether the orders under way have ended. */
const lookMs = 250;

/** How many orders under way are looked at. */
const maxLooked = 1_000;

/**
 * Pauses submitting on all instances. It resolves once no order is being sent, and none is sent any more until `resume`:
 * a task that is SUBMITTING under a lease that has ended belongs to a process that is gone or held up, which sends nothing
 * either. Throws DatabaseUnavailableError.
 */
export async function pause(accounts: AccountStore, store: Pick<TaskStore, 'list'>, name: string): Promise<Account> {
  const paused = await setPaused(accounts, name, true);
  await sleep(lastSendMs);
  while (await isAnySending(store)) await sleep(lookMs);
  return paused;
}

/** Lets all instances submit again. Throws DatabaseUnavailableError. */
export const resume = (accounts: AccountStore, name: string): Promise<Account> => setPaused(accounts, name, false);

async function setPaused(accounts: AccountStore, name: string, isPaused: boolean): Promise<Account> {
  for (;;) {
    const account = await accounts.find(name);
    if ((account.pausedAt !== null) === isPaused) return account;
    const saved = await accounts.update(account, { pausedAt: isPaused ? new Date() : null });
    if (saved) return saved;
  }
}

async function isAnySending(store: Pick<TaskStore, 'list'>): Promise<boolean> {
  const sending = await store.list({ statuses: ['SUBMITTING'] }, { limit: maxLooked, inverted: false });
  return sending.some(({ leasedUntil }) => leasedUntil !== null && leasedUntil > new Date());
}
