import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import { capabilityOf, type ModelName } from '../catalogue/models.ts';
import { type DescribedImage, describeImage } from '../catalogue/reference-image.ts';
import { billingOf, type SentRequest } from '../catalogue/video-request.ts';
import { DatabaseUnavailableError, QuotaExceededError, RateLimitedError } from '../errors.ts';
import type { Ledger } from '../spending/ledger.ts';
import { type Cost, costOf } from '../spending/limits.ts';
import { failedForFree } from '../tasks/failures.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { TaskReader, Viewer } from '../tasks/task-reader.ts';
import type { NewTask, TaskStore } from '../tasks/task-store.ts';
import { Turns } from '../work/turns.ts';
import type { Order, Orderer, Submission } from './order.ts';
import { orderHashOf } from './order-hash.ts';
import { inlineImagesIn, type OrderImages, type PreparedImages, prepareImages } from './order-images.ts';
import { type KeyDependencies, OrderKey } from './order-key.ts';
import type { OrderSender } from './order-sender.ts';
import type { PendingWork } from './pending-work.ts';

/**
 * How often a duplicate request rereads the task it waits for. That task may be submitted by another process, whose
 * signals may not arrive here.
 */
const duplicateRereadMs = 250;

/** How many times a request that the limits refuse looks for the original that it may be a duplicate of. */
const duplicateLooks = 4;

export interface PlacerDependencies extends KeyDependencies {
  readonly store: Pick<TaskStore, 'create' | 'findByIdempotencyKeys'>;
  readonly readerFor: (viewer: Viewer) => Pick<TaskReader, 'watch'>;
  readonly ledger: Pick<Ledger, 'spend' | 'refund'>;
  readonly sender: Pick<OrderSender, 'send'>;
  readonly images: OrderImages;
  readonly pending: PendingWork;
  /** Aborts when the service cannot wait any longer. */
  readonly aborting: AbortSignal;
  readonly log: Logger;
  /** How long a submit may take before the tracker records its task as UNCONFIRMED. */
  readonly submitLeaseMs: number;
}

/** A task to be written. Its images are added once they are found, and its lease when it is written. */
type Draft = Omit<NewTask, 'referenceImages' | 'leasedUntil' | 'nextCheckAt'>;

/** What is known of an order before it is written. */
interface NewOrder {
  readonly draft: Draft;
  readonly described: readonly DescribedImage[];
  readonly key: OrderKey;
}

/**
 * How many orders at a time have kept images in memory, from the store to the upstream: a short request can name many
 * megabytes of them.
 */
const readingAtOnce = 4;

/** Whether an order to a model is sent with images that are read from the store. */
const readsImages = (model: ModelName, images: readonly DescribedImage[]): boolean =>
  capabilityOf(model).images.forms.includes('dataUri') && images.some(({ kind }) => kind !== 'GIVEN');

/** A task that was written, and what is sent for it. */
interface Entered {
  readonly task: VideoTask;
  readonly imageUrls: readonly string[];
}

/**
 * Counts an order against the client's limits, writes it to the database and has it sent, once for each idempotency
 * key.
 */
export class OrderPlacer {
  readonly #with: PlacerDependencies;
  /** The submits for which duplicate requests wait, by task id. */
  readonly #awaited = new Map<string, Promise<VideoTask>>();
  /** The orders with a key that are being counted and written, by client and key. */
  readonly #entering = new Map<string, Promise<unknown>>();
  readonly #reading = new Turns(readingAtOnce);

  constructor(dependencies: PlacerDependencies) {
    this.#with = dependencies;
  }

  /** Places the order, or finds the task to which its key belongs. Throws what `Orders.submit` throws. */
  async place(orderer: Orderer, order: Order, arrivedAt: Date): Promise<Submission> {
    const described = order.request.images.map(describeImage);
    const draft = this.#draft(orderer, order, described);
    const key = new OrderKey(this.#with, order, draft, arrivedAt);
    for (;;) {
      // Looked up first, so that a duplicate request never counts against a limit, not even for a moment, and needs no
      // image that is not kept any more.
      const original = await key.original().catch(sayThatNothingWasOrdered);
      if (original) return { task: await this.#whenSubmitted(orderer, original), replayed: true };
      const placeNew = () => this.#placeNew(orderer, order, { draft, described, key });
      const task = await (readsImages(order.request.model, described) ? this.#reading.take(placeNew) : placeNew());
      if (task) return { task, replayed: false };
    }
  }

  /** Writes and sends an order to which no task belongs. Null where its key may belong to one by now. */
  async #placeNew(orderer: Orderer, order: Order, { draft, described, key }: NewOrder): Promise<VideoTask | null> {
    const entered = await this.#prepareAndEnter(orderer, draft, described, key).catch(sayThatNothingWasOrdered);
    if (!entered) return null;
    const { model, prompt, durationSeconds, aspectRatio, resolution } = order.request;
    const { task, imageUrls } = entered;
    try {
      return await this.#send(task, { model, prompt, durationSeconds, aspectRatio, resolution, imageUrls });
    } finally {
      this.#keepInline(orderer, described);
    }
  }

  /** Keeps the inline images of an order, after it was sent and unawaited, so that it neither delays nor fails the order. */
  #keepInline({ client }: Orderer, described: readonly DescribedImage[]): void {
    const { images, pending, aborting } = this.#with;
    const inline = inlineImagesIn(described);
    if (inline.length > 0) pending.trackUntil(images.keep(client, inline), aborting);
  }

  async #prepareAndEnter(orderer: Orderer, draft: Draft, described: readonly DescribedImage[], key: OrderKey) {
    const images = await prepareImages(this.#with.images, orderer, draft.model, described);
    return this.#enter(orderer, draft, images, key);
  }

  /**
   * Sends an order that was written, and refunds what it counted for where the upstream refused it without billing it.
   */
  async #send(task: VideoTask, request: SentRequest): Promise<VideoTask> {
    const cost = { ...costOf(task.billingUnit, task.billingUnits), submits: 0 } as const;
    return this.#with.sender.send(task, request, async (saved) => {
      if (failedForFree(saved)) await this.#refund(task, cost);
    });
  }

  /**
   * Counts the order and writes it. Null where its key may belong to another task by now, so that the caller has to
   * look again. Duplicates that arrive together are counted one after another: both at once could use up the place of
   * another order under the limit.
   */
  async #enter(orderer: Orderer, draft: Draft, images: PreparedImages, key: OrderKey): Promise<Entered | null> {
    const name = draft.idempotencyKey === null ? null : JSON.stringify([draft.client, draft.idempotencyKey]);
    if (name === null) return this.#count(orderer, draft, images, key);
    const duplicate = this.#entering.get(name);
    if (duplicate !== undefined) {
      await duplicate;
      return null;
    }
    const counting = this.#count(orderer, draft, images, key);
    const done = () => void this.#entering.delete(name);
    this.#entering.set(name, counting.then(done, done));
    try {
      return await counting;
    } catch (error) {
      // The limits may refuse a duplicate whose original was counted a moment ago; it gets the original as its answer.
      const refused = error instanceof RateLimitedError || error instanceof QuotaExceededError;
      if (refused && (await hasOriginal(key))) return null;
      throw error;
    }
  }

  async #count(orderer: Orderer, draft: Draft, images: PreparedImages, key: OrderKey): Promise<Entered | null> {
    const { ledger, store } = this.#with;
    const { referenceImages } = images;
    const cost = costOf(draft.billingUnit, draft.billingUnits);
    await ledger.spend(orderer, cost, draft.createdAt);
    let task: VideoTask | null = null;
    try {
      // Read only after the order was counted, so that what the limits refuse reads no images.
      const imageUrls = await images.urls();
      await key.free();
      const resubmissionOfId = key.repeatedId ?? draft.resubmissionOfId;
      task = await store.create({ ...draft, ...this.#lease(), referenceImages, resubmissionOfId });
      return task && { task, imageUrls };
    } finally {
      if (!task) await this.#refund(draft, cost);
    }
  }

  /** A failed refund is only logged, because it costs the client some of its budget and no money. */
  async #refund({ client, createdAt }: Pick<VideoTask, 'client' | 'createdAt'>, cost: Cost): Promise<void> {
    const { ledger, log } = this.#with;
    await ledger
      .refund(client, cost, createdAt)
      .catch((err: unknown) => log.warn({ client, cost, err }, 'not refunded'));
  }

  /**
   * The lease within which an order is sent. It begins when the order is written, because its images may take long to be
   * read. If this process dies, the tracker finds the task once the lease has ended.
   */
  #lease() {
    const leasedUntil = new Date(this.#with.now().getTime() + this.#with.submitLeaseMs);
    return { leasedUntil, nextCheckAt: leasedUntil };
  }

  #draft({ client }: Orderer, order: Order, images: readonly DescribedImage[]): Draft {
    const { request, idempotencyKey, resubmissionOfId } = order;
    const { images: _, ...ordered } = request;
    const { unit, units } = billingOf(request);
    return {
      ...ordered,
      client,
      mode: images.length > 0 ? 'IMAGE_TO_VIDEO' : 'TEXT_TO_VIDEO',
      billingUnit: unit,
      billingUnits: units,
      status: 'SUBMITTING',
      createdAt: this.#with.now(),
      idempotencyKey: idempotencyKey ?? null,
      orderHash: idempotencyKey === undefined ? null : orderHashOf(order, images),
      resubmissionOfId: resubmissionOfId ?? null,
    };
  }

  /** Resolves to the task once its submit has ended. All duplicates that wait for one task share one watch. */
  #whenSubmitted(orderer: Orderer, original: VideoTask): Promise<VideoTask> {
    const waiting = this.#awaited.get(original.id) ?? this.#waitForSubmit(orderer, original);
    this.#awaited.set(original.id, waiting);
    return waiting.finally(() => this.#awaited.delete(original.id));
  }

  /**
   * Watches the task, because the submit may run in any process. Resolves to the task as it is when that takes longer
   * than a submit may.
   */
  async #waitForSubmit(orderer: Orderer, original: VideoTask): Promise<VideoTask> {
    let latest = original;
    if (latest.status !== 'SUBMITTING') return latest;
    const timeout = AbortSignal.timeout(this.#with.submitLeaseMs);
    for await (const task of this.#with.readerFor(orderer).watch(original.id, timeout, duplicateRereadMs)) {
      latest = task ?? latest;
      if (latest.status !== 'SUBMITTING') break;
    }
    return latest;
  }
}

/** Looks several times for a task with the key: a duplicate of the order may have been counted and not yet written. */
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
