import { setTimeout as sleep } from 'node:timers/promises';
import type { NewTask } from '../database/task-store.ts';
import type { Client } from './client.ts';
import { DatabaseUnavailableError, QuotaExceededError, RateLimitedError, ServiceStoppingError } from './errors.ts';
import { orderHashOf, type Wish } from './order-hash.ts';
import { failedForFree, OrderKey } from './order-key.ts';
import { describeImages } from './reference-image.ts';
import { billingOf, type VideoRequest } from './request.ts';
import { send, untilSettled } from './send.ts';
import type { Services } from './services.ts';
import { type Cost, costOf } from './spending.ts';
import type { VideoTask } from './task.ts';
import { watchTask } from './tasks.ts';

/** An order as it is placed. */
export interface Order extends Wish {
  /** The client's name for the order: sent again under the same name, it is not ordered again. */
  readonly idempotencyKey?: string | undefined;
}

export interface Submission {
  readonly task: VideoTask;
  /** Whether the task was there already, so that nothing was ordered now. */
  readonly replayed: boolean;
}

/** How often a twin looks at the order it waits for: that may be another process's, which tells nobody here. */
const twinRereadMs = 250;

/** How often a twin that may not be ordered looks for the order it is a twin of. */
const twinLooks = 4;

/** Calls to the upstream that one batch has under way at once. */
const batchConcurrency = 4;

/**
 * Orders the video and records what came of it. The row is there before the upstream is called, and every outcome of
 * the call is a state of the task, so all but the last of these errors mean that nothing was ordered.
 *
 * @throws ServiceStoppingError when the service is shutting down.
 * @throws OrderTooLargeError when a row has no place for what is to be kept of its images.
 * @throws IdempotencyKeyMismatchError when the key stands for another order.
 * @throws RateLimitedError, QuotaExceededError when the client has ordered as much as it may.
 * @throws DatabaseUnavailableError when the order could not be written down, and was therefore not sent.
 * @throws AnswerNotSavedError when the order was sent, but the database does not take the answer.
 */
export async function submitVideo(
  services: Services,
  client: Client,
  order: Order,
  arrivedAt = services.now(),
): Promise<Submission> {
  if (services.stopping.aborted) throw new ServiceStoppingError();
  return untilSettled(services, place(services, client, order, arrivedAt));
}

/** Orders several videos, a few at a time; each has an outcome of its own, in the order given. */
export async function submitVideos(
  services: Services,
  client: Client,
  orders: readonly Order[],
): Promise<PromiseSettledResult<Submission>[]> {
  const outcomes: PromiseSettledResult<Submission>[] = [];
  const arrivedAt = services.now();
  const waiting = orders.entries();
  async function work(): Promise<void> {
    // The workers share the iterator: each order is taken once.
    for (const [index, order] of waiting) {
      const [outcome] = await Promise.allSettled([submitVideo(services, client, order, arrivedAt)]);
      outcomes[index] = outcome;
    }
  }
  await Promise.all(Array.from({ length: batchConcurrency }, work));
  return outcomes;
}

async function place(services: Services, client: Client, order: Order, arrivedAt: Date): Promise<Submission> {
  const draft = newTask(services, client, order);
  const key = new OrderKey(services, order, draft, arrivedAt);
  for (;;) {
    // First, so that what is only sent again is counted against no limit, not even for a moment.
    const original = await key.original().catch(sayThatNothingWasOrdered);
    if (original) return { task: await whenSubmitted(services, client, original), replayed: true };
    const task = await enter(services, client, draft, key).catch(sayThatNothingWasOrdered);
    if (task) return { task: await sendOnce(services, task, order.request), replayed: false };
  }
}

/** Sends what was written down; what the upstream has refused, and will not bill, does not count. */
async function sendOnce(services: Services, task: VideoTask, request: VideoRequest): Promise<VideoTask> {
  const cost = { ...costOf(task.billingUnit, task.billingUnits), submits: 0 } as const;
  return send(services, task, request, async (saved) => {
    if (failedForFree(saved)) await refund(services, task, cost);
  });
}

/**
 * Counts the order and writes it down; null where its key stands for another task, or may by now: a twin of it was being
 * counted here, and both at once would take the place of another order, for a moment.
 */
async function enter(services: Services, client: Client, draft: NewTask, key: OrderKey): Promise<VideoTask | null> {
  const { entering } = services;
  const name = draft.idempotencyKey === null ? null : JSON.stringify([draft.client, draft.idempotencyKey]);
  if (name === null) return count(services, client, draft, key);
  const twin = entering.get(name);
  if (twin !== undefined) {
    await twin;
    return null;
  }
  const counting = count(services, client, draft, key);
  const done = () => void entering.delete(name);
  entering.set(name, counting.then(done, done));
  try {
    return await counting;
  } catch (error) {
    // A twin is answered with what is ordered meanwhile, whatever the limits say of ordering it again.
    const refused = error instanceof RateLimitedError || error instanceof QuotaExceededError;
    if (refused && (await hasOriginal(key))) return null;
    throw error;
  }
}

async function count(services: Services, client: Client, draft: NewTask, key: OrderKey): Promise<VideoTask | null> {
  const cost = costOf(draft.billingUnit, draft.billingUnits);
  await services.ledger.spend(client, cost, draft.createdAt);
  let task: VideoTask | null = null;
  try {
    await key.free();
    task = await services.store.create({ ...draft, resubmissionOfId: key.repeatedId ?? draft.resubmissionOfId });
  } finally {
    if (!task) await refund(services, draft, cost);
  }
  return task;
}

/** Looks again for a while: a twin of the order may have been counted, and be about to be written down. */
async function hasOriginal(key: OrderKey): Promise<boolean> {
  for (let look = 0; look < twinLooks; look++) {
    if (look > 0) await sleep(twinRereadMs);
    if (await key.original()) return true;
  }
  return false;
}

/** That it cannot be taken back, because the database is gone, costs a client some of its budget and nobody money. */
async function refund(
  { ledger, log }: Services,
  { client, createdAt }: Pick<VideoTask, 'client' | 'createdAt'>,
  cost: Cost,
): Promise<void> {
  await ledger.refund(client, cost, createdAt).catch((err: unknown) => log.warn({ client, cost, err }, 'not refunded'));
}

function sayThatNothingWasOrdered(error: unknown): never {
  throw error instanceof DatabaseUnavailableError ? new DatabaseUnavailableError(error, 'nothing was ordered') : error;
}

function newTask({ now, submitLeaseMs }: Services, { name }: Client, order: Order): NewTask {
  const { request, idempotencyKey, resubmissionOfId } = order;
  const { imageUrls, sentImageUrls: _, ...ordered } = request;
  const referenceImages = describeImages(imageUrls);
  const { unit, units } = billingOf(request);
  const createdAt = now();
  const leasedUntil = new Date(createdAt.getTime() + submitLeaseMs);
  return {
    ...ordered,
    client: name,
    mode: imageUrls.length > 0 ? 'IMAGE_TO_VIDEO' : 'TEXT_TO_VIDEO',
    referenceImages,
    billingUnit: unit,
    billingUnits: units,
    status: 'SUBMITTING',
    createdAt,
    leasedUntil,
    // Should this process die, the tracker finds the task when the lease has run out.
    nextCheckAt: leasedUntil,
    idempotencyKey: idempotencyKey ?? null,
    orderHash: idempotencyKey === undefined ? null : orderHashOf(order, referenceImages),
    resubmissionOfId: resubmissionOfId ?? null,
  };
}

/** The task once its submit is over; however many twins wait for it, one of them looks. */
function whenSubmitted(services: Services, client: Client, original: VideoTask): Promise<VideoTask> {
  const { awaited } = services;
  const waiting = awaited.get(original.id) ?? waitForSubmit(services, client, original);
  awaited.set(original.id, waiting);
  return waiting.finally(() => awaited.delete(original.id));
}

/** Whichever process its submit is in; the task as it is, where that takes too long. */
async function waitForSubmit(services: Services, client: Client, original: VideoTask): Promise<VideoTask> {
  let latest = original;
  if (latest.status !== 'SUBMITTING') return latest;
  const patience = AbortSignal.timeout(services.submitLeaseMs);
  for await (const task of watchTask(services, client, original.id, patience, twinRereadMs)) {
    latest = task ?? latest;
    if (latest.status !== 'SUBMITTING') break;
  }
  return latest;
}
