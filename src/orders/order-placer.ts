import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { describeImages } from '../catalogue/reference-image.ts';
import { billingOf, type VideoRequest } from '../catalogue/video-request.ts';
import { DatabaseUnavailableError, QuotaExceededError, RateLimitedError } from '../errors.ts';
import type { Ledger } from '../spending/ledger.ts';
import { type Cost, costOf } from '../spending/usage.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { TaskReader, Viewer } from '../tasks/task-reader.ts';
import type { NewTask, TaskStore } from '../tasks/task-store.ts';
import type { Order, Orderer, Submission } from './order.ts';
import { orderHashOf } from './order-hash.ts';
import { failedForFree, type KeyDependencies, OrderKey } from './order-key.ts';
import type { OrderSender } from './order-sender.ts';

/** How often a duplicate reads the order it waits for again: that may be in another process, which tells nothing here. */
const duplicateRereadMs = 250;

/** How often a duplicate that may not be ordered looks for the order that it duplicates. */
const duplicateLooks = 4;

export interface PlacerDependencies extends KeyDependencies {
  readonly store: Pick<TaskStore, 'create' | 'findByIdempotencyKeys'>;
  readonly readerFor: (viewer: Viewer) => Pick<TaskReader, 'watch'>;
  readonly ledger: Pick<Ledger, 'spend' | 'refund'>;
  readonly sender: Pick<OrderSender, 'send'>;
  readonly log: Logger;
  /** How long a submit may take before its task counts as abandoned. */
  readonly submitLeaseMs: number;
}

/** Counts an order, writes it down and has it sent, once for each idempotency key. */
export class OrderPlacer {
  readonly #with: PlacerDependencies;
  /** The orders whose submit duplicates are waiting for, by the task's id. */
  readonly #awaited = new Map<string, Promise<VideoTask>>();
  /** The keyed orders that are being counted and written down, by client and key. */
  readonly #entering = new Map<string, Promise<unknown>>();

  constructor(dependencies: PlacerDependencies) {
    this.#with = dependencies;
  }

  /** Places the order, or finds the task that its key stands for. Throws what `Orders.submit` throws. */
  async place(orderer: Orderer, order: Order, arrivedAt: Date): Promise<Submission> {
    const draft = this.#draft(orderer, order);
    const key = new OrderKey(this.#with, order, draft, arrivedAt);
    for (;;) {
      // First, so that what is only sent again is counted against no limit, not even for a moment.
      const original = await key.original().catch(sayThatNothingWasOrdered);
      if (original) return { task: await this.#whenSubmitted(orderer, original), replayed: true };
      const task = await this.#enter(orderer, draft, key).catch(sayThatNothingWasOrdered);
      if (task) return { task: await this.#send(task, order.request), replayed: false };
    }
  }

  /** Sends what was written down; what the upstream has refused, and will not bill, does not count. */
  async #send(task: VideoTask, request: VideoRequest): Promise<VideoTask> {
    const cost = { ...costOf(task.billingUnit, task.billingUnits), submits: 0 } as const;
    return this.#with.sender.send(task, request, async (saved) => {
      if (failedForFree(saved)) await this.#refund(task, cost);
    });
  }

  /**
   * Counts the order and writes it down; null where its key stands for another task, or may by now: a duplicate was being
   * counted here, and both at once would take the place of another order, for a moment.
   */
  async #enter(orderer: Orderer, draft: NewTask, key: OrderKey): Promise<VideoTask | null> {
    const name = draft.idempotencyKey === null ? null : JSON.stringify([draft.client, draft.idempotencyKey]);
    if (name === null) return this.#count(orderer, draft, key);
    const duplicate = this.#entering.get(name);
    if (duplicate !== undefined) {
      await duplicate;
      return null;
    }
    const counting = this.#count(orderer, draft, key);
    const done = () => void this.#entering.delete(name);
    this.#entering.set(name, counting.then(done, done));
    try {
      return await counting;
    } catch (error) {
      // A duplicate is answered with what is ordered meanwhile, even where the limits forbid to order it again.
      const refused = error instanceof RateLimitedError || error instanceof QuotaExceededError;
      if (refused && (await hasOriginal(key))) return null;
      throw error;
    }
  }

  async #count(orderer: Orderer, draft: NewTask, key: OrderKey): Promise<VideoTask | null> {
    const { ledger, store } = this.#with;
    const cost = costOf(draft.billingUnit, draft.billingUnits);
    await ledger.spend(orderer, cost, draft.createdAt);
    let task: VideoTask | null = null;
    try {
      await key.free();
      task = await store.create({ ...draft, resubmissionOfId: key.repeatedId ?? draft.resubmissionOfId });
    } finally {
      if (!task) await this.#refund(draft, cost);
    }
    return task;
  }

  /** That it cannot be taken back, because the database is gone, costs a client some of its budget and no money. */
  async #refund({ client, createdAt }: Pick<VideoTask, 'client' | 'createdAt'>, cost: Cost): Promise<void> {
    const { ledger, log } = this.#with;
    await ledger
      .refund(client, cost, createdAt)
      .catch((err: unknown) => log.warn({ client, cost, err }, 'not refunded'));
  }

  #draft({ client }: Orderer, order: Order): NewTask {
    const { request, idempotencyKey, resubmissionOfId } = order;
    const { imageUrls, sentImageUrls: _, ...ordered } = request;
    const referenceImages = describeImages(imageUrls);
    const { unit, units } = billingOf(request);
    const createdAt = this.#with.now();
    const leasedUntil = new Date(createdAt.getTime() + this.#with.submitLeaseMs);
    return {
      ...ordered,
      client,
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

  /** The task once its submit is over; however many duplicates wait for it, one of them reads. */
  #whenSubmitted(orderer: Orderer, original: VideoTask): Promise<VideoTask> {
    const waiting = this.#awaited.get(original.id) ?? this.#waitForSubmit(orderer, original);
    this.#awaited.set(original.id, waiting);
    return waiting.finally(() => this.#awaited.delete(original.id));
  }

  /** The submit may be in any process; the task as it is, where that takes too long. */
  async #waitForSubmit(orderer: Orderer, original: VideoTask): Promise<VideoTask> {
    let latest = original;
    if (latest.status !== 'SUBMITTING') return latest;
    const patience = AbortSignal.timeout(this.#with.submitLeaseMs);
    for await (const task of this.#with.readerFor(orderer).watch(original.id, patience, duplicateRereadMs)) {
      latest = task ?? latest;
      if (latest.status !== 'SUBMITTING') break;
    }
    return latest;
  }
}

/** Looks again for a while: a duplicate of the order may have been counted, and be about to be written down. */
async function hasOriginal(key: OrderKey): Promise<boolean> {
  for (let look = 0; look < duplicateLooks; look++) {
    if (look > 0) await sleep(duplicateRereadMs);
    if (await key.original()) return true;
  }
  return false;
}

function sayThatNothingWasOrdered(error: unknown): never {
  throw error instanceof DatabaseUnavailableError ? new DatabaseUnavailableError(error, 'nothing was ordered') : error;
}
