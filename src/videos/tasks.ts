import type { Logger } from 'pino';
import { validate as isUuid } from 'uuid';
import type { NewTask, TaskFilter, TaskPage, TaskStore } from '../database/task-store.ts';
import type { Pubsub } from '../pubsub.ts';
import type { UpstreamClient } from '../upstream/client.ts';
import { ServiceStoppingError, TaskNotFoundError } from './errors.ts';
import { describeImage } from './reference-image.ts';
import { billingOf, type VideoRequest } from './request.ts';
import type { Schedule } from './schedule.ts';
import { afterSubmit, isTerminal, type Moment, type TaskChange, type VideoTask } from './task.ts';

/** What the functions of this folder work with. */
export interface Services {
  readonly store: TaskStore;
  readonly upstream: UpstreamClient;
  readonly pubsub: Pubsub;
  readonly log: Logger;
  readonly now: () => Date;
  readonly schedule: Schedule;
  /** How long a submit may take before its task counts as abandoned. */
  readonly submitLeaseMs: number;
  /** How often a watcher looks for itself, whatever it was told. */
  readonly rereadMs: number;
  /** Submits under way, for the shutdown to wait for. */
  readonly submitting: Set<Promise<unknown>>;
  /** Ends the watchers when the service stops. */
  readonly stopping: AbortSignal;
  /** Breaks submits off when the service cannot wait for them any longer. */
  readonly aborting: AbortSignal;
}

/** The present, with this service's schedule. */
export const momentOf = ({ now, schedule }: Services): Moment => ({ now: now(), schedule, jitter: Math.random() });

/**
 * Orders the video and records what came of it. The row is there before the upstream is called, and every outcome of
 * the call is a state of the task, so this throws only where nothing was ordered.
 *
 * @throws ServiceStoppingError when the service is shutting down.
 */
export async function submitVideo(services: Services, request: VideoRequest): Promise<VideoTask> {
  if (services.stopping.aborted) throw new ServiceStoppingError();
  const submitted = writeSendAndRecord(services, request);
  services.submitting.add(submitted);
  return submitted.finally(() => services.submitting.delete(submitted));
}

async function writeSendAndRecord(services: Services, request: VideoRequest): Promise<VideoTask> {
  const { store, upstream, aborting, log } = services;
  const task = await store.create(newTask(services, request));
  const reply = await upstream.submit(request, aborting);
  if (reply.kind !== 'ACCEPTED')
    log.warn({ taskId: task.id, kind: reply.kind, reason: reply.message }, 'submit failed');
  // The tracker may have given the task up while we were waiting. What we have learned since is newer than that.
  for (let current = task; ; current = await findExisting(services, task.id)) {
    const change = afterSubmit(current, reply, momentOf(services));
    const saved = change && (await recordChange(services, current, change));
    if (saved || !change) return saved ?? current;
  }
}

function newTask({ now, submitLeaseMs }: Services, request: VideoRequest): NewTask {
  const { imageUrls, ...ordered } = request;
  const { unit, units } = billingOf(request);
  const createdAt = now();
  const leasedUntil = new Date(createdAt.getTime() + submitLeaseMs);
  return {
    ...ordered,
    referenceImages: imageUrls.map(describeImage),
    billingUnit: unit,
    billingUnits: units,
    status: 'SUBMITTING',
    createdAt,
    leasedUntil,
    // Should this process die, the tracker finds the task when the lease has run out.
    nextCheckAt: leasedUntil,
  };
}

/** Saves a change if the task is still as it was read, and tells the watchers; null where it is not. */
export async function recordChange(
  { store, pubsub, log }: Services,
  task: VideoTask,
  change: TaskChange,
): Promise<VideoTask | null> {
  const saved = await store.update(task, change);
  if (!saved) return null;
  pubsub.publish(saved.id);
  if (saved.status !== task.status) {
    log.info({ taskId: saved.id, from: task.status, to: saved.status, failureCode: saved.failureCode }, 'task changed');
  }
  return saved;
}

/** The task with this id; null where there is none. An id is a UUID: nothing else is worth a look into the database. */
export const findTask = async ({ store }: Services, id: string): Promise<VideoTask | null> =>
  isUuid(id) ? store.find(id) : null;

export const listTasks = ({ store }: Services, filter: TaskFilter, page: TaskPage): Promise<VideoTask[]> =>
  store.list(filter, page);

async function findExisting(services: Services, id: string): Promise<VideoTask> {
  const task = await findTask(services, id);
  if (!task) throw new TaskNotFoundError(id);
  return task;
}

/**
 * The task as it is, then again after each change, until it has ended or one of the two sides leaves.
 *
 * @throws TaskNotFoundError when there is no such task.
 */
export async function* watchTask(services: Services, id: string, left: AbortSignal): AsyncGenerator<VideoTask> {
  const over = AbortSignal.any([left, services.stopping]);
  let wake = Promise.withResolvers<void>();
  const wakeUp = () => wake.resolve();
  const unsubscribe = services.pubsub.subscribe(id, wakeUp);
  over.addEventListener('abort', wakeUp);
  try {
    for (let seenVersion = 0; !over.aborted; ) {
      // Made before the row is read, so that a hint that comes meanwhile is not missed.
      wake = Promise.withResolvers();
      const task = await findExisting(services, id);
      if (task.version > seenVersion) yield task;
      if (isTerminal(task)) return;
      seenVersion = task.version;
      const reread = setTimeout(wakeUp, services.rereadMs);
      await wake.promise;
      clearTimeout(reread);
    }
  } finally {
    unsubscribe();
    over.removeEventListener('abort', wakeUp);
  }
}
