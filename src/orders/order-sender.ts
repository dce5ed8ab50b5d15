import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { SentRequest } from '../catalogue/video-request.ts';
import { AnswerNotSavedError, TaskNotFoundError } from '../errors.ts';
import type { Clock } from '../tasks/moment.ts';
import type { RecordChange } from '../tasks/record-change.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { TaskStore } from '../tasks/task-store.ts';
import { afterSubmit } from '../tasks/transitions.ts';
import type { SubmitReply, Upstream } from '../tasks/upstream.ts';
import type { PendingWork } from './pending-work.ts';

/** How long a caller waits until the upstream's answer is saved. The saving itself continues after that. */
const maxSaveWaitMs = 10_000;

/** The pause between two attempts to save an answer. It doubles after each attempt. */
const saveRetryMs = { first: 100, max: 5_000 };

export interface SenderDependencies {
  readonly store: Pick<TaskStore, 'find'>;
  readonly upstream: Pick<Upstream, 'submit' | 'redact'>;
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

type WhenSaved = (task: VideoTask) => Promise<void>;

/** Makes the one paid call for a task that was written to the database, and saves its outcome. */
export class OrderSender {
  readonly #with: SenderDependencies;

  constructor(dependencies: SenderDependencies) {
    this.#with = dependencies;
  }

  /**
   * Sends an order once. `whenSaved` is called after the answer was saved, even if the caller has stopped waiting by
   * then.
   *
   * @throws AnswerNotSavedError when the order was sent but its answer is not saved within 10 seconds.
   */
  async send(task: VideoTask, request: SentRequest, whenSaved: WhenSaved): Promise<VideoTask> {
    const { log, now, onReply, pending } = this.#with;
    const sentAt = now();
    const reply = await this.#call(task, request);
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
    const saved = pending.track(this.#saveReply(task, reply, whenSaved));
    const { promise: timedOut, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new AnswerNotSavedError(task.id)), maxSaveWaitMs);
    return Promise.race([saved, timedOut]).finally(() => clearTimeout(timer));
  }

  /**
   * The one paid call. It is not made after the lease has ended, because by then the task counts as UNCONFIRMED and may
   * have been abandoned.
   */
  async #call(task: VideoTask, request: SentRequest): Promise<SubmitReply> {
    const { upstream, aborting, now } = this.#with;
    const expired = task.leasedUntil !== null && now() >= task.leasedUntil;
    if (!expired && !aborting.aborted) return upstream.submit(request, aborting);
    return { kind: 'NEVER_SENT', message: 'The service was held up or stopped before it could send the order.' };
  }

  /** Saves the upstream's answer, and retries until the database takes it or the service has to stop. */
  async #saveReply(task: VideoTask, reply: SubmitReply, whenSaved: WhenSaved): Promise<VideoTask> {
    const { log, aborting } = this.#with;
    for (let pauseMs = saveRetryMs.first; ; pauseMs = Math.min(pauseMs * 2, saveRetryMs.max)) {
      try {
        const saved = await this.#recordReply(task, reply);
        await whenSaved(saved);
        return saved;
      } catch (err) {
        // This line holds everything that the row needs, in case neither the process nor the database survives.
        const details = { taskId: task.id, kind: reply.kind, upstreamId: this.#shownId(reply), err };
        log.error(details, 'answer to the order not saved yet');
        if (aborting.aborted) throw new AnswerNotSavedError(task.id);
        await sleep(pauseMs, undefined, { signal: aborting }).catch(() => {});
      }
    }
  }

  async #recordReply(task: VideoTask, reply: SubmitReply): Promise<VideoTask> {
    const { record, clock, log } = this.#with;
    // The tracker may have recorded the task as UNCONFIRMED in between. The answer is newer than that, so it is applied
    // to the task as it is now.
    for (let current = task; ; current = await this.#reread(task)) {
      const change = afterSubmit(current, reply, clock());
      const saved = change && (await record(current, change));
      if (saved) return saved;
      if (change) continue;
      if (reply.kind === 'ACCEPTED' && reply.upstreamId !== current.upstreamId) {
        // The operator has confirmed the task under another id in between, so the log asks for a person to look at it.
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

  /** The upstream id for the log, without the upstream's key. */
  #shownId(reply: SubmitReply): string | null {
    return reply.kind === 'ACCEPTED' ? this.#with.upstream.redact(reply.upstreamId) : null;
  }
}
