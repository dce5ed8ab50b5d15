import type { Logger } from 'pino';
import type { Clock } from '../tasks/moment.ts';
import { afterProcessDeath } from '../tasks/order-transitions.ts';
import type { RecordChange } from '../tasks/record-change.ts';
import type { TaskChange, VideoTask } from '../tasks/task.ts';
import type { TaskStore } from '../tasks/task-store.ts';
import { afterCheck } from '../tasks/transitions.ts';
import type { CheckReply, Upstream } from '../tasks/upstream.ts';
import { ClaimLoop, type ClaimLoopSettings } from '../work/claim-loop.ts';
import { CheckBatch } from './check-batch.ts';
import type { Throttle } from './throttle.ts';

export interface TrackerSettings extends ClaimLoopSettings {
  /** How long a claim lasts. It must be longer than a check can take. */
  readonly leaseMs: number;
}

export interface TrackerDependencies {
  readonly store: Pick<TaskStore, 'claimDue' | 'saveChecks' | 'findByUpstreamId'>;
  readonly upstream: Pick<Upstream, 'check' | 'redact'>;
  readonly throttle: Throttle;
  readonly record: RecordChange;
  readonly clock: Clock;
  readonly now: () => Date;
  readonly log: Logger;
}

/** The longest id that is logged. */
const maxShownIdLength = 255;

/**
 * Follows tasks until they end: claims due tasks, asks the upstream about each, and records the answer. A task is
 * checked only under its lease, and the answer is saved only if the task still has the version that was claimed.
 */
export class Tracker {
  readonly #with: TrackerDependencies;
  readonly #batch: CheckBatch;
  readonly #loop: ClaimLoop<VideoTask>;
  readonly #stopped = new AbortController();

  constructor(dependencies: TrackerDependencies, settings: TrackerSettings) {
    const { store, throttle, now, log } = dependencies;
    const batch = new CheckBatch(store, log);
    this.#with = dependencies;
    this.#batch = batch;
    const work = {
      claim: (limit: number) => store.claimDue(now(), new Date(now().getTime() + settings.leaseMs), limit),
      work: (task: VideoTask) => this.#check(task),
      onFailed: (task: VideoTask, err: unknown) => log.error({ taskId: task.id, err }, 'check could not be recorded'),
      onClaimFailed: (err: unknown) => log.error({ err }, 'due tasks could not be claimed'),
      limit: (concurrency: number) => throttle.limit(concurrency, now()),
      onIdle: () => batch.flush(),
    };
    this.#loop = new ClaimLoop(work, settings);
  }

  /** Starts to follow all tasks in the database, including those of earlier processes. */
  start(): void {
    this.#loop.start();
  }

  /** Aborts the checks under way and resolves when the last one is recorded. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#loop.stop();
  }

  /** Checks every task that is due now, and resolves when all checks are recorded. */
  checkDue(): Promise<void> {
    return this.#loop.runDue();
  }

  /** Why tasks are not being followed, for an operator; null where they are. */
  problem(): string | null {
    const unclaimed = this.#loop.failing ? 'The database does not answer the tracker.' : null;
    return this.#with.throttle.problem() ?? unclaimed;
  }

  async #check(task: VideoTask): Promise<void> {
    const { clock, record } = this.#with;
    const change = task.upstreamId === null ? afterProcessDeath(task, clock()) : await this.#ask(task, task.upstreamId);
    if (!change) return;
    // A provisional link makes no history entry, but the batch writes only times and counts, so it is recorded by
    // itself.
    if (change.history || change.videoUrl !== undefined) await record(task, change);
    else this.#batch.add({ ...task, ...change });
  }

  async #ask(task: VideoTask, upstreamId: string): Promise<TaskChange | null> {
    const { upstream, throttle, now, clock } = this.#with;
    const sentAt = now();
    const said = await upstream.check(upstreamId, this.#stopped.signal);
    // This service aborted the check, so the answer says nothing about the task. The lease is given back, and the next
    // instance checks the task.
    if (this.#stopped.signal.aborted && said.kind !== 'OBSERVED') return { leasedUntil: null };
    const minPauseMs = throttle.heedCheck(task.id, said, sentAt, now());
    const reply = await this.#unlessAnothers(task, said);
    this.#report(task, reply);
    return afterCheck(task, reply, { ...clock(), minPauseMs });
  }

  /** A reply that names another task in the database says nothing about this one. */
  async #unlessAnothers(task: VideoTask, reply: CheckReply): Promise<CheckReply> {
    if (reply.kind !== 'OBSERVED') return reply;
    for (const otherId of reply.otherIds) {
      const other = await this.#with.store.findByUpstreamId(otherId);
      if (other && other.id !== task.id)
        return { kind: 'ANSWER_LOST', message: `The upstream answered with the task ${other.id} instead.` };
    }
    return reply;
  }

  #report(task: VideoTask, reply: CheckReply): void {
    const { log, upstream } = this.#with;
    if (reply.kind !== 'OBSERVED')
      log.warn({ taskId: task.id, kind: reply.kind, reason: reply.message }, 'check failed');
    else if (reply.otherIds.length > 0) {
      const otherIds = reply.otherIds.map((id) => upstream.redact(id).slice(0, maxShownIdLength));
      log.warn({ taskId: task.id, status: reply.status, otherIds }, 'the upstream answers under another id');
    } else if (reply.status === 'UNKNOWN')
      log.warn({ taskId: task.id, upstreamStatus: reply.upstreamStatus }, 'unknown status');
  }
}
