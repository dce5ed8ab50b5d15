import { LimitExceededError } from '../errors.ts';
import type { TaskStore } from '../tasks/task-store.ts';
import { isTooLate, type WaitReason } from '../tasks/wait-reasons.ts';
import type { AccountGate, Permit } from './account-gate.ts';
import type { Draft } from './draft.ts';
import type { OpenLimits } from './open-limits.ts';

/** How a new order begins: it is sent, or it waits, or, without a turn, it fails because it may not wait. */
export type Beginning =
  | { readonly permit: Permit }
  | { readonly permit: null; readonly waitsFor: WaitReason; readonly turn: number | null };

export interface AdmissionDependencies {
  readonly store: Pick<TaskStore, 'count'>;
  readonly gate: AccountGate;
  readonly openLimits: OpenLimits;
  readonly now: () => Date;
}

/** Decides how new orders begin. */
export class Admission {
  readonly #with: AdmissionDependencies;
  readonly #maxWaiting: number | null;

  /** `maxWaiting` is how many orders of one client may wait; null for no limit. */
  constructor(dependencies: AdmissionDependencies, maxWaiting: number | null) {
    this.#with = dependencies;
    this.#maxWaiting = maxWaiting;
  }

  /** Finds out whether an order may be sent now. Throws LimitExceededError where too many orders of the client wait. */
  async begin(draft: Draft, keepForLater: () => Promise<boolean>): Promise<Beginning> {
    const { gate, openLimits, now } = this.#with;
    if (isTooLate(draft, now())) return { permit: null, waitsFor: 'EARLIER_ORDERS', turn: null };
    const admitted = (await openLimits.reached(draft, 1)) ?? (await gate.admit(draft.whenBusy, null));
    if (typeof admitted === 'object') return { permit: admitted };
    const waits = draft.whenBusy === 'WAIT' && (await keepForLater());
    if (waits) await this.#refuseTooManyWaiting(draft);
    return { permit: null, waitsFor: admitted, turn: waits ? await gate.nextTurn(draft.client) : null };
  }

  async #refuseTooManyWaiting({ client }: Draft): Promise<void> {
    const { store } = this.#with;
    const maxWaiting = this.#maxWaiting;
    if (maxWaiting === null) return;
    const [waiting] = await store.count({ clients: [client], statuses: ['WAITING'] }, maxWaiting);
    if ((waiting?.count ?? 0) < maxWaiting) return;
    const what = `${maxWaiting} orders of ${client} wait already, so that nothing was ordered`;
    throw new LimitExceededError(what, 'MAX_WAITING', maxWaiting, null);
  }
}
