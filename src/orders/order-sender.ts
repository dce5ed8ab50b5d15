import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { SentRequest } from '../catalogue/video-request.ts';
import { AnswerNotSavedError, TaskNotFoundError } from '../errors.ts';
import type { Clock } from '../tasks/moment.ts';
import { afterHolding, afterSubmit, imagesNotKept, type SendAttempt } from '../tasks/order-transitions.ts';
import type { RecordChange } from '../tasks/record-change.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { TaskStore } from '../tasks/task-store.ts';
import type { SubmitReply, Upstream } from '../tasks/upstream.ts';
import { isTooLate, mayWait, type WaitReason, waitReasonOf } from '../tasks/wait-reasons.ts';
import type { Permit } from './account-changes.ts';
import type { AccountGate } from './account-gate.ts';
import type { OpenLimits } from './open-limits.ts';
import type { PendingWork } from './pending-work.ts';

/** How long a caller waits until the upstream's answer is saved. The saving itself continues after that. */
const maxSaveWaitMs = 10_000;

/** The pause between two attempts to save an answer. It doubles after each attempt. */
const saveRetryMs = { first: 100, max: 5_000 };

export interface SenderDependencies {
  readonly store: Pick<TaskStore, 'find'>;
  readonly upstream: Pick<Upstream, 'submit' | 'redact'>;
  readonly gate: AccountGate;
  readonly openLimits: OpenLimits;
  readonly record: RecordChange;
  readonly clock: Clock;
  readonly now: () => Date;
  readonly log: Logger;
  /** Called with each reply to an order, and the time at which the order was sent. */
  readonly onReply: (reply: SubmitReply, sentAt: Date) => void;
  readonly pending: PendingWork;
  /** Aborts the submits under way when the service cannot wait for them any longer. */
  readonly aborting: AbortSignal;
}

/** An order that was written as SUBMITTING, and what sending it takes. */
export interface Sending {
  readonly task: VideoTask;
  readonly request: SentRequest;
  readonly permit: Permit;
  /** Keeps what the order needs in order to be sent again later. False where that is not possible. */
  readonly keepForLater: () => Promise<boolean>;
}

type Place = Omit<SendAttempt, 'sendAttempt'>;

/** What became of an attempt: the upstream's reply, or why the order was not sent. */
type Outcome = { readonly reply: SubmitReply } | { readonly heldBy: WaitReason };

/** Makes the paid call for a task that was written to the database, once for each attempt, and saves its outcome. */
export class OrderSender {
  readonly #with: SenderDependencies;

  constructor(dependencies: SenderDependencies) {
    this.#with = dependencies;
  }

  /**
   * Sends an order once, and records what became of it, even if the caller has stopped waiting by then.
   *
   * @throws AnswerNotSavedError when the order was sent but its answer is not saved within 10 seconds.
   */
  async send(sending: Sending): Promise<VideoTask> {
    const { gate, pending } = this.#with;
    const { task, permit } = sending;
    const outcome = await this.#attempt(sending);
    const reply = 'reply' in outcome ? outcome.reply : null;
    const settled = pending.track(gate.settle(permit, reply));
    // A refusal is written down before the order is seen to wait: another instance would send it at once. What was
    // accepted is saved first, because it is paid.
    const first = reply?.kind === 'ACCEPTED' ? Promise.resolve() : settled;
    const saved = pending.track(first.then(() => this.#saveOutcome(sending, outcome)));
    const { promise: timedOut, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new AnswerNotSavedError(task.id)), maxSaveWaitMs);
    return Promise.race([Promise.all([saved, settled]), timedOut])
      .then(([result]) => result)
      .finally(() => clearTimeout(timer));
  }

  async #attempt(sending: Sending): Promise<Outcome> {
    const { log, now, onReply, upstream, aborting } = this.#with;
    const { task, request } = sending;
    const heldBy = await this.#heldBy(sending);
    if (heldBy !== null) {
      log.info({ taskId: task.id, heldBy }, 'order held back');
      return { heldBy };
    }
    const sentAt = now();
    const reply = await upstream.submit(request, aborting);
    onReply(reply, sentAt);
    if (reply.kind === 'ACCEPTED') {
      // Logged before it is saved: if the process dies in between, the log at least has the upstream id of the paid
      // task.
      log.info({ taskId: task.id, upstreamId: this.#shownId(reply) }, 'order accepted');
      // `flush` waits one second at most for a blocked log, because the database is the better place for the id.
      await new Promise((resolve) => log.flush(resolve));
    } else {
      log.warn({ taskId: task.id, kind: reply.kind, reason: reply.message }, 'submit failed');
    }
    return { reply };
  }

  /**
   * Why the order must not be sent now; null where it may. It is not sent after the lease has ended, because by then the
   * task counts as UNCONFIRMED and may have been abandoned, nor after the time by which it had to be sent. The limits
   * count the task itself, so that of two instances that send at the same time neither exceeds them.
   */
  async #heldBy({ task, permit }: Sending): Promise<WaitReason | null> {
    const { gate, openLimits, aborting, now } = this.#with;
    try {
      const reached = await openLimits.reached(task, 0);
      if (reached !== null) return reached;
      const withdrawn = await gate.withdraws(permit, task.whenBusy);
      if (withdrawn !== null) return withdrawn;
    } catch {
      return 'INTERRUPTED';
    }
    const expired = task.leasedUntil !== null && now() >= task.leasedUntil;
    return expired || isTooLate(task, now()) || aborting.aborted ? 'INTERRUPTED' : null;
  }

  /** Saves what became of an attempt, and retries until the database takes it or the service has to stop. */
  async #saveOutcome(sending: Sending, outcome: Outcome): Promise<VideoTask> {
    const { log, aborting } = this.#with;
    const { task } = sending;
    for (let pauseMs = saveRetryMs.first; ; pauseMs = Math.min(pauseMs * 2, saveRetryMs.max)) {
      try {
        return await this.#recordOutcome(sending, outcome);
      } catch (err) {
        // This line holds everything that the row needs, in case neither the process nor the database survives.
        log.error({ taskId: task.id, ...this.#shown(outcome), err }, 'answer to the order not saved yet');
        if (aborting.aborted) throw new AnswerNotSavedError(task.id);
        await sleep(pauseMs, undefined, { signal: aborting }).catch(() => {});
      }
    }
  }

  async #recordOutcome(sending: Sending, outcome: Outcome): Promise<VideoTask> {
    const { record, clock, log, gate } = this.#with;
    const { sendAttempt } = sending.task;
    // The tracker may have recorded the task as UNCONFIRMED in between. The answer is newer than that, so it is applied
    // to the task as it is now.
    for (let current = sending.task; ; current = await this.#reread(current)) {
      const attempt = { sendAttempt, ...(await this.#placeToWait(current, sending, outcome)) };
      const change =
        'reply' in outcome
          ? afterSubmit(current, outcome.reply, attempt, clock())
          : afterHolding(current, { ...attempt, reason: outcome.heldBy }, clock());
      const saved = change && (await record(current, change));
      if (saved?.status === 'WAITING') gate.noteWaiting();
      if (saved) return saved;
      if (change) continue;
      const reply = 'reply' in outcome ? outcome.reply : null;
      if (reply?.kind === 'ACCEPTED' && reply.upstreamId !== current.upstreamId) {
        // The operator has confirmed the task under another id in between, so the log asks for a person to look at it.
        log.error({ taskId: current.id, upstreamId: this.#shownId(reply) }, 'answer to the order came too late');
      }
      return current;
    }
  }

  /**
   * The turn of an order that waits after this attempt, null where it does not. An order that was refused, and is
   * refused again although the account has taken another in between, would block the others, so it waits no longer.
   */
  async #placeToWait(task: VideoTask, { keepForLater }: Sending, outcome: Outcome): Promise<Place> {
    const { gate, now } = this.#with;
    if (!mayWait(task, now())) return { turn: null };
    if ('reply' in outcome) {
      const { reply } = outcome;
      const reason = reply.kind === 'ACCEPTED' ? null : waitReasonOf(reply);
      if (reason === null) return { turn: null };
      const { takenAt } = await gate.account();
      const hasTakenAnother = task.refusedAt !== null && takenAt !== null && takenAt > task.refusedAt;
      if (hasTakenAnother && (reason === 'ACCESS_DENIED' || reason === 'PAYMENT_REQUIRED')) return { turn: null };
    }
    const isKept = await keepForLater();
    return isKept ? { turn: await gate.nextTurn(task.client) } : { turn: null, problem: imagesNotKept };
  }

  async #reread({ id }: VideoTask): Promise<VideoTask> {
    const task = await this.#with.store.find(id);
    if (!task) throw new TaskNotFoundError(id);
    return task;
  }

  #shown(outcome: Outcome): object {
    return 'reply' in outcome ? { kind: outcome.reply.kind, upstreamId: this.#shownId(outcome.reply) } : outcome;
  }

  /** The upstream id for the log, without the upstream's key. */
  #shownId(reply: SubmitReply): string | null {
    return reply.kind === 'ACCEPTED' ? this.#with.upstream.redact(reply.upstreamId) : null;
  }
}
