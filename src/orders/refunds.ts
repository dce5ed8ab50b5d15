import type { Logger } from 'pino';
import type { Ledger } from '../spending/ledger.ts';
import { type Cost, costOf } from '../spending/limits.ts';
import { endedForFree } from '../tasks/failures.ts';
import type { ChangeListener } from '../tasks/record-change.ts';
import type { VideoTask } from '../tasks/task.ts';

/** Takes back what was counted for an order. It never rejects. */
export type Refund = (order: Pick<VideoTask, 'client' | 'createdAt'>, cost: Cost) => Promise<void>;

/** A failed refund is only logged, because it costs the client some of its budget and no money. */
export const refundsFrom =
  (ledger: Pick<Ledger, 'refund'>, log: Logger): Refund =>
  async ({ client, createdAt }, cost) => {
    const onFailed = (err: unknown) => log.warn({ client, cost, err }, 'not refunded');
    await ledger.refund(client, cost, createdAt).catch(onFailed);
  };

/** Gives a client the budget back that was counted for an order that has ended without being billed. */
export const refundsFreeEndings =
  (refund: Refund): ChangeListener =>
  (saved, before) => {
    if (endedForFree(before) || !endedForFree(saved)) return;
    return refund(saved, { ...costOf(saved.billingUnit, saved.billingUnits), submits: 0 });
  };
