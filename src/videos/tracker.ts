import type { CheckReply } from '../upstream/replies.ts';
import { QuietChecks } from './quiet-checks.ts';
import { momentOf, type Services } from './services.ts';
import type { TaskChange, VideoTask } from './task.ts';
import { recordChange } from './tasks.ts';
import { afterCheck, afterLostSubmit } from './transitions.ts';

export interface TrackerSettings {
  /** Checks under way at once. */
  readonly concurrency: number;
  /** How long a claimed task is nobody else's; longer than a check can take. */
  readonly leaseMs: number;
  /** The pause between two looks for due tasks. */
  readonly pollMs: number;
}

/**
 * A look costs about as much for one task as for many. So after one that found something, the next comes so much later,
 * or, where more was due than there was room for, once half of the places are free.
 */
const gatherMs = 100;

/** No true id is longer. */
const maxShownIdLength = 255;

/**
 * Follows tasks to their end: claims what is due, asks the upstream, saves, tells.
 *
 * Two things hold at any time: a task is checked by whoever holds its lease and by nobody else, and what a check found
 * is saved only over the row it was claimed as.
 */
export class Tracker {
  readonly #services: Services;
  readonly #settings: TrackerSettings;
  readonly #quiet: QuietChecks;
  readonly #stopped = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  #wake = Promise.withResolvers<void>();
  /** As soon as so many places are free, the next look is worth its cost. */
  #enoughRoom = 1;
  #running: Promise<void> | undefined;
  #databaseProblem: string | null = null;

  constructor(services: Services, settings: TrackerSettings) {
    this.#services = services;
    this.#settings = settings;
    this.#quiet = new QuietChecks(services);
  }

  /** Begins to follow tasks, those of an earlier process too. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends the checks under way and resolves when the last one is recorded. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#wake.resolve();
    await this.#running;
    await this.#finish();
  }

  /** Checks every task that is due by now, and resolves when all are recorded. */
  async checkDue(): Promise<void> {
    while ((await this.#startDue(this.#room())) > 0) await this.#finish();
  }

  /** Why tasks are not being followed at the moment; null where they are. */
  problem(): string | null {
    return this.#services.throttle.problem() ?? this.#databaseProblem;
  }

  async #finish(): Promise<void> {
    await Promise.all(this.#underWay);
    await this.#quiet.flush();
  }

  async #run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      this.#wake = Promise.withResolvers();
      const room = this.#room();
      const started = await this.#tryStartDue(room);
      const tookAll = started < room;
      this.#enoughRoom = tookAll ? Number.POSITIVE_INFINITY : this.#settings.concurrency / 2;
      const pauseMs = tookAll && started === 0 ? this.#settings.pollMs : Math.min(gatherMs, this.#settings.pollMs);
      const timer = setTimeout(this.#wake.resolve, pauseMs);
      if (this.#room() < this.#enoughRoom) await this.#wake.promise;
      clearTimeout(timer);
    }
  }

  async #tryStartDue(room: number): Promise<number> {
    try {
      const started = await this.#startDue(room);
      this.#databaseProblem = null;
      return started;
    } catch (error) {
      if (this.#databaseProblem === null) this.#services.log.error({ err: error }, 'due tasks could not be claimed');
      this.#databaseProblem = 'The database does not answer the tracker.';
      return 0;
    }
  }

  #room(): number {
    const { throttle, now } = this.#services;
    return Math.max(throttle.limit(this.#settings.concurrency, now()) - this.#underWay.size, 0);
  }

  /** Takes up to `room` due tasks and starts a check on each; returns how many. */
  async #startDue(room: number): Promise<number> {
    const { store, log, now } = this.#services;
    if (room === 0) return 0;
    const leasedUntil = new Date(now().getTime() + this.#settings.leaseMs);
    const tasks = await store.claimDue(now(), leasedUntil, room);
    for (const task of tasks) {
      const check = this.#check(task)
        // The lease runs out and the task comes round again.
        .catch((error: unknown) => log.error({ taskId: task.id, err: error }, 'check could not be recorded'))
        .finally(() => {
          this.#underWay.delete(check);
          if (this.#underWay.size === 0) void this.#quiet.flush();
          if (this.#room() >= this.#enoughRoom) this.#wake.resolve();
        });
      this.#underWay.add(check);
    }
    return tasks.length;
  }

  async #check(task: VideoTask): Promise<void> {
    const change =
      task.upstreamId === null
        ? afterLostSubmit(task, momentOf(this.#services))
        : await this.#ask(task, task.upstreamId);
    if (!change) return;
    // A link that is kept for later does not show in the history, and is more than times and counts.
    if (change.history || change.videoUrl !== undefined) await recordChange(this.#services, task, change);
    else this.#quiet.add({ ...task, ...change });
  }

  async #ask(task: VideoTask, upstreamId: string): Promise<TaskChange | null> {
    const { upstream, throttle, now } = this.#services;
    const sentAt = now();
    const said = await upstream.check(upstreamId, this.#stopped.signal);
    // Broken off by ourselves, which says nothing about the task: the next instance checks it.
    if (this.#stopped.signal.aborted && said.kind !== 'OBSERVED') return { leasedUntil: null };
    const minPauseMs = throttle.heedCheck(task.id, said, sentAt, now());
    const reply = await this.#unlessAnothers(task, said);
    this.#report(task, reply);
    return afterCheck(task, reply, { ...momentOf(this.#services), minPauseMs });
  }

  /** A reply that names another task of ours says nothing about this one. */
  async #unlessAnothers(task: VideoTask, reply: CheckReply): Promise<CheckReply> {
    if (reply.kind !== 'OBSERVED') return reply;
    for (const otherId of reply.otherIds) {
      const other = await this.#services.store.findByUpstreamId(otherId);
      if (other && other.id !== task.id)
        return { kind: 'ANSWER_LOST', message: `The upstream answered with the task ${other.id} instead.` };
    }
    return reply;
  }

  #report(task: VideoTask, reply: CheckReply): void {
    const { log, upstream } = this.#services;
    if (reply.kind !== 'OBSERVED')
      log.warn({ taskId: task.id, kind: reply.kind, reason: reply.message }, 'check failed');
    else if (reply.otherIds.length > 0) {
      const otherIds = reply.otherIds.map((id) => upstream.redact(id).slice(0, maxShownIdLength));
      log.warn({ taskId: task.id, status: reply.status, otherIds }, 'the upstream answers under another id');
    } else if (reply.status === 'UNKNOWN')
      log.warn({ taskId: task.id, upstreamStatus: reply.upstreamStatus }, 'unknown status');
  }
}
