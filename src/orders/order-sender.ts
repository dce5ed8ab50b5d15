import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { VideoRequest } from '../catalogue/video-request.ts';
import { AnswerNotSavedError, TaskNotFoundError } from '../errors.ts';
import type { Clock } from '../tasks/moment.ts';
import type { RecordChange } from '../tasks/record-change.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { TaskStore } from '../tasks/task-store.ts';
import { afterSubmit } from '../tasks/transitions.ts';
import type { SubmitReply, Upstream } from '../tasks/upstream.ts';
import type { PendingWork } from './pending-work.ts';

/** How long a caller waits for an answer to be saved; the saving itself goes on. */
const savePatienceMs = 10_000;

/** The pauses between attempts to save an answer: doubled each time. */
const saveRetryMs = { first: 100, max: 5_000 };

export interface SenderDependencies {
  readonly store: Pick<TaskStore, 'find'>;
  readonly upstream: Pick<Upstream, 'submit' | 'redact'>;
  readonly record: RecordChange;
  readonly clock: Clock;
  readonly now: () => Date;
  readonly log: Logger;
  /** Hears of each reply to an order, and when the order was sent. */
  readonly onReply: (reply: SubmitReply, sentAt: Date) => void;
  readonly pending: PendingWork;
  /** Breaks submits off when the service cannot wait for them any longer. */
  readonly aborting: AbortSignal;
}

type WhenSaved = (task: VideoTask) => Promise<void>;

/** Makes the one paid call of an order that was written down, and saves what came of it. */
export class OrderSender {
  readonly #with: SenderDependencies;

  constructor(dependencies: SenderDependencies) {
    this.#with = dependencies;
  }

  /**
   * Sends an order once. `whenSaved` hears of its answer however long saving it takes, while the caller's wait is bounded.
   *
   * @throws AnswerNotSavedError when the order was sent, but the database does not take the answer.
   */
  async send(task: VideoTask, request: VideoRequest, whenSaved: WhenSaved): Promise<VideoTask> {
    const { log, now, onReply, pending } = this.#with;
    const sentAt = now();
    const reply = await this.#call(task, request);
    onReply(reply, sentAt);
    if (reply.kind === 'ACCEPTED') {
      // Said before it is saved: should the process die meanwhile, the paid id is at least in the log.
      log.info({ taskId: task.id, upstreamId: this.#shownId(reply) }, 'order accepted');
      // A log that stands still is waited for one second at most, because the database is the better place.
      await new Promise((resolve) => log.flush(resolve));
    } else {
      log.warn({ taskId: task.id, kind: reply.kind, reason: reply.message }, 'submit failed');
    }
    const saved = pending.track(this.#saveReply(task, reply, whenSaved));
    const { promise: lostPatience, reject } = Promise.withResolvers<never>();
    const patience = setTimeout(() => reject(new AnswerNotSavedError(task.id)), savePatienceMs);
    return Promise.race([saved, lostPatience]).finally(() => clearTimeout(patience));
  }

  /**
   * The one paid call. Not after the lease, because by then the task counts as UNCONFIRMED: its owner may have given it
   * up, and expects no order of it any more.
   */
  async #call(task: VideoTask, request: VideoRequest): Promise<SubmitReply> {
    const { upstream, aborting, now } = this.#with;
    const expired = task.leasedUntil !== null && now() >= task.leasedUntil;
    if (!expired && !aborting.aborted) return upstream.submit(request, aborting);
    return { kind: 'NEVER_SENT', message: 'The service was held up or stopped before it could send the order.' };
  }

  /** Saves what the upstream has answered, however long the database takes to be there again. */
  async #saveReply(task: VideoTask, reply: SubmitReply, whenSaved: WhenSaved): Promise<VideoTask> {
    const { log, aborting } = this.#with;
    for (let pauseMs = saveRetryMs.first; ; pauseMs = Math.min(pauseMs * 2, saveRetryMs.max)) {
      try {
        const saved = await this.#recordReply(task, reply);
        await whenSaved(saved);
        return saved;
      } catch (err) {
        // Should nothing else survive, this line does: it holds all that has to be put into the row.
        const details = { taskId: task.id, kind: reply.kind, upstreamId: this.#shownId(reply), err };
        log.error(details, 'answer to the order not saved yet');
        if (aborting.aborted) throw new AnswerNotSavedError(task.id);
        await sleep(pauseMs, undefined, { signal: aborting }).catch(() => {});
      }
    }
  }

  async #recordReply(task: VideoTask, reply: SubmitReply): Promise<VideoTask> {
    const { record, clock, log } = this.#with;
    // The tracker may have given the task up meanwhile. What the upstream has said since is newer than that.
    for (let current = task; ; current = await this.#reread(task)) {
      const change = afterSubmit(current, reply, clock());
      const saved = change && (await record(current, change));
      if (saved) return saved;
      if (change) continue;
      if (reply.kind === 'ACCEPTED' && reply.upstreamId !== current.upstreamId) {
        // It was confirmed meanwhile, under another id: an operator has to look.
        log.error({ taskId: task.id, upstreamId: this.#shownId(reply) }, 'answer to the order came too late');
      }
      return current;
    }
  }

  async #reread({ id }: VideoTask): Promise<VideoTask> {
    const task = await this.#with.store.find(id);
    if (!task) throw new TaskNotFoundError(id);
    return task;
  }

  /** The upstream's id as it is shown: without the key, should it be in there. */
  #shownId(reply: SubmitReply): string | null {
    return reply.kind === 'ACCEPTED' ? this.#with.upstream.redact(reply.upstreamId) : null;
  }
}
