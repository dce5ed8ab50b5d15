import { LRUCache } from 'lru-cache';
import { LimitExceededError } from '../errors.ts';
import { imagesNotKept, type SendAttempt } from '../tasks/order-transitions.ts';
import type { TaskStore } from '../tasks/task-store.ts';
import { isTooLate, type WaitReason } from '../tasks/wait-reasons.ts';
import { Turns } from '../work/turns.ts';
import type { Permit } from './account-changes.ts';
import type { AccountGate } from './account-gate.ts';
import type { Draft } from './draft.ts';
import type { OpenLimits } from './open-limits.ts';

/** How a new order begins: it is sent, or it waits, or, without a turn, it fails because it may not wait. */
export type Beginning =
  | { readonly permit: Permit }
  | ({ readonly permit: null; readonly waitsFor: WaitReason } & Omit<SendAttempt, 'sendAttempt'>);

export interface AdmissionDependencies {
  readonly store: Pick<TaskStore, 'count'>;
  readonly gate: AccountGate;
  readonly openLimits: OpenLimits;
  readonly now: () => Date;
}

/** How many clients' turns are remembered. */
const maxRemembered = 10_000;

/** Decides how new orders begin. */
export class Admission {
  readonly #with: AdmissionDependencies;
  readonly #maxWaiting: number | null;
  /** The turns in which the orders of a client are written that wait. */
  readonly #entering = new LRUCache<string, Turns>({ max: maxRemembered });

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
    const waitsFor = admitted;
    if (draft.whenBusy === 'WAIT') await this.#refuseTooManyWaiting(draft);
    if (draft.whenBusy === 'FAIL') return { permit: null, waitsFor, turn: null };
    if (!(await keepForLater())) return { permit: null, waitsFor, turn: null, problem: imagesNotKept };
    return { permit: null, waitsFor, turn: await gate.nextTurn(draft.client) };
  }

  /**
   * Writes an order as it begins. Waiting orders of a client are written one after another, because several that arrive
   * together would each find the last place free. Throws LimitExceededError where too many wait.
   */
  async enter<Task>(draft: Draft, beginning: Beginning, write: () => Promise<Task>): Promise<Task> {
    if (this.#maxWaiting === null || beginning.permit !== null || beginning.turn === null) return write();
    const turns = this.#entering.get(draft.client) ?? new Turns(1);
    this.#entering.set(draft.client, turns);
    return turns.take(async () => {
      await this.#refuseTooManyWaiting(draft);
      return write();
    });
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
