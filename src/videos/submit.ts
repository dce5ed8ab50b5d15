import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NewTask } from '../database/task-store.ts';
import type { SubmitReply } from '../upstream/replies.ts';
import {
  AnswerNotSavedError,
  DatabaseUnavailableError,
  IdempotencyKeyMismatchError,
  ServiceStoppingError,
} from './errors.ts';
import { describeImage } from './reference-image.ts';
import { billingOf, type VideoRequest } from './request.ts';
import { momentOf, type Services } from './services.ts';
import type { VideoTask } from './task.ts';
import { findExisting, recordChange, watchTask } from './tasks.ts';
import { afterSubmit } from './transitions.ts';

/** An order as it is placed. */
export interface Order {
  readonly request: VideoRequest;
  /** The client's name for the order: sent again under the same name, it is not ordered again. */
  readonly idempotencyKey?: string | undefined;
  /** The ended task whose order this one repeats. */
  readonly resubmissionOfId?: string | undefined;
}

export interface Submission {
  readonly task: VideoTask;
  /** Whether the task was there already, so that nothing was ordered now. */
  readonly replayed: boolean;
}

/** How long a client waits for an answer to be saved; the saving itself goes on. */
const savePatienceMs = 10_000;

/** The pauses between attempts to save an answer: doubled each time. */
const saveRetryMs = { first: 100, max: 5_000 };

/** How often a twin looks at the order it waits for: that may be another process's, which tells nobody here. */
const twinRereadMs = 250;

/** Calls to the upstream that one batch has under way at once. */
const batchConcurrency = 4;

/**
 * Orders the video and records what came of it. The row is there before the upstream is called, and every outcome of
 * the call is a state of the task, so all but the last of these errors mean that nothing was ordered.
 *
 * @throws ServiceStoppingError when the service is shutting down.
 * @throws IdempotencyKeyMismatchError when the key stands for another order.
 * @throws DatabaseUnavailableError when the order could not be written down, and was therefore not sent.
 * @throws AnswerNotSavedError when the order was sent, but the database does not take the answer.
 */
export async function submitVideo(services: Services, order: Order): Promise<Submission> {
  if (services.stopping.aborted) throw new ServiceStoppingError();
  return untilSettled(services, place(services, order));
}

/** Orders several videos, a few at a time; each has an outcome of its own, in the order given. */
export async function submitVideos(
  services: Services,
  orders: readonly Order[],
): Promise<PromiseSettledResult<Submission>[]> {
  const outcomes: PromiseSettledResult<Submission>[] = [];
  const waiting = orders.entries();
  async function work(): Promise<void> {
    // The workers share the iterator: each order is taken once.
    for (const [index, order] of waiting) {
      const [outcome] = await Promise.allSettled([submitVideo(services, order)]);
      outcomes[index] = outcome;
    }
  }
  await Promise.all(Array.from({ length: batchConcurrency }, work));
  return outcomes;
}

/** Lets the shutdown wait for `promise`. */
function untilSettled<Result>({ submitting }: Services, promise: Promise<Result>): Promise<Result> {
  submitting.add(promise);
  const done = () => void submitting.delete(promise);
  promise.then(done, done);
  return promise;
}

async function place(services: Services, order: Order): Promise<Submission> {
  const draft = newTask(services, order);
  for (;;) {
    const task = await services.store.create(draft).catch(sayThatNothingWasOrdered);
    if (task) return { task: await send(services, task, order.request), replayed: false };
    const original = await findOriginal(services, draft);
    if (original) return { task: await whenSubmitted(services, original), replayed: true };
  }
}

function sayThatNothingWasOrdered(error: unknown): never {
  throw error instanceof DatabaseUnavailableError ? new DatabaseUnavailableError(error, 'nothing was ordered') : error;
}

function newTask({ now, submitLeaseMs }: Services, { request, idempotencyKey, resubmissionOfId }: Order): NewTask {
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
    idempotencyKey: idempotencyKey ?? null,
    orderHash: idempotencyKey === undefined ? null : hashOf(request, resubmissionOfId),
    resubmissionOfId: resubmissionOfId ?? null,
  };
}

/** The same for the same order, whatever the order of its fields was and whether its defaults were said. */
function hashOf(request: VideoRequest, resubmissionOfId?: string): string {
  const { model, prompt, durationSeconds, aspectRatio, resolution, imageUrls } = request;
  const facts = [model, prompt, durationSeconds, aspectRatio, resolution, imageUrls, resubmissionOfId];
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex');
}

/** The task that has the draft's key; null where the key is free, or has just become so. */
async function findOriginal(services: Services, { idempotencyKey, orderHash }: NewTask): Promise<VideoTask | null> {
  const { store, now, idempotencyKeyLifetimeMs } = services;
  const original = idempotencyKey === null ? null : await store.findByIdempotencyKey(idempotencyKey);
  if (!original) return null;
  if (now().getTime() - original.createdAt.getTime() >= idempotencyKeyLifetimeMs) {
    await store.update(original, { idempotencyKey: null });
    return null;
  }
  if (original.orderHash !== orderHash) throw new IdempotencyKeyMismatchError();
  return original;
}

/** The task once its submit is over, whichever process that is in; as it is where that takes too long. */
async function whenSubmitted(services: Services, original: VideoTask): Promise<VideoTask> {
  let latest = original;
  if (latest.status !== 'SUBMITTING') return latest;
  const patience = AbortSignal.timeout(services.submitLeaseMs);
  for await (const task of watchTask(services, original.id, patience, twinRereadMs)) {
    latest = task;
    if (task.status !== 'SUBMITTING') break;
  }
  return latest;
}

async function send(services: Services, task: VideoTask, request: VideoRequest): Promise<VideoTask> {
  const reply = await call(services, task, request);
  if (reply.kind === 'ACCEPTED') {
    // Said before it is saved: should the process die meanwhile, the paid id is at least in the log.
    services.log.info({ taskId: task.id, upstreamId: reply.upstreamId }, 'order accepted');
  } else {
    services.log.warn({ taskId: task.id, kind: reply.kind, reason: reply.message }, 'submit failed');
  }
  const saved = untilSettled(services, saveReply(services, task, reply));
  const patience = new AbortController();
  const lostPatience = sleep(savePatienceMs, undefined, { signal: patience.signal }).then(() => {
    throw new AnswerNotSavedError(task.id);
  });
  return Promise.race([saved, lostPatience]).finally(() => patience.abort());
}

/**
 * The one paid call. Not after the lease: by then the task counts as UNCONFIRMED, its owner may have given it up, and
 * nobody expects an order of it any more.
 */
async function call(
  { upstream, aborting, now }: Services,
  task: VideoTask,
  request: VideoRequest,
): Promise<SubmitReply> {
  const expired = task.leasedUntil !== null && now() >= task.leasedUntil;
  if (!expired && !aborting.aborted) return upstream.submit(request, aborting);
  return { kind: 'NEVER_SENT', message: 'The service was held up or stopped before it could send the order.' };
}

/** Saves what the upstream has answered, however long the database takes to be there again. */
async function saveReply(services: Services, task: VideoTask, reply: SubmitReply): Promise<VideoTask> {
  for (let pauseMs = saveRetryMs.first; ; pauseMs = Math.min(pauseMs * 2, saveRetryMs.max)) {
    try {
      return await recordReply(services, task, reply);
    } catch (err) {
      // Should nothing else survive, this line does: it holds all that has to be put into the row.
      const upstreamId = reply.kind === 'ACCEPTED' ? reply.upstreamId : null;
      services.log.error({ taskId: task.id, kind: reply.kind, upstreamId, err }, 'answer to the order not saved yet');
      if (services.aborting.aborted) throw new AnswerNotSavedError(task.id);
      await sleep(pauseMs, undefined, { signal: services.aborting }).catch(() => {});
    }
  }
}

async function recordReply(services: Services, task: VideoTask, reply: SubmitReply): Promise<VideoTask> {
  // The tracker may have given the task up while we were waiting. What we have learned since is newer than that.
  for (let current = task; ; current = await findExisting(services, task.id)) {
    const change = afterSubmit(current, reply, momentOf(services));
    const saved = change && (await recordChange(services, current, change));
    if (saved) return saved;
    if (change) continue;
    if (reply.kind === 'ACCEPTED' && reply.upstreamId !== current.upstreamId) {
      // It was confirmed meanwhile, under another id: somebody has to look.
      services.log.error({ taskId: task.id, upstreamId: reply.upstreamId }, 'answer to the order came too late');
    }
    return current;
  }
}
