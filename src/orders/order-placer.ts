import { setTimeout as sleep } from 'node:timers/promises';
import { capabilityOf, type ModelName } from '../catalogue/models.ts';
import { type DescribedImage, describeImage } from '../catalogue/reference-image.ts';
import { DatabaseUnavailableError, LimitExceededError, QuotaExceededError, RateLimitedError } from '../errors.ts';
import type { Ledger } from '../spending/ledger.ts';
import { costOf } from '../spending/limits.ts';
import type { VideoTask } from '../tasks/task.ts';
import { Turns } from '../work/turns.ts';
import { type Draft, draftOf } from './draft.ts';
import { type Duplicates, duplicateRereadMs } from './duplicates.ts';
import type { Order, Orderer, Submission } from './order.ts';
import { inlineImagesIn, type OrderImages, prepareImages } from './order-images.ts';
import { type KeyDependencies, OrderKey } from './order-key.ts';
import type { OrderSender } from './order-sender.ts';
import type { OrderWriter, Prepared, Written } from './order-writer.ts';
import type { PendingWork } from './pending-work.ts';
import type { Refund } from './refunds.ts';

/** What the limits throw. */
const limitErrors = [RateLimitedError, QuotaExceededError, LimitExceededError];

/** How many times a request that the limits refuse looks for the original that it may be a duplicate of. */
const duplicateLooks = 4;

export interface PlacerDependencies extends KeyDependencies {
  readonly duplicates: Duplicates;
  readonly ledger: Pick<Ledger, 'spend'>;
  readonly refund: Refund;
  readonly writer: Pick<OrderWriter, 'write'>;
  readonly sender: Pick<OrderSender, 'send'>;
  readonly images: OrderImages;
  readonly pending: PendingWork;
  /** Aborts when the service cannot wait any longer. */
  readonly aborting: AbortSignal;
  readonly settings: PlacerSettings;
}

export interface PlacerSettings {
  /** How long an order waits that does not say how long. */
  readonly maxWaitMs: number;
}

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

/**
 * Counts an order against the client's limits, writes it to the database and has it sent, once for each idempotency
 * key.
 */
export class OrderPlacer {
  readonly #with: PlacerDependencies;
  /** The orders with a key that are being counted and written, by client and key. */
  readonly #entering = new Map<string, Promise<unknown>>();
  readonly #reading = new Turns(readingAtOnce);

  constructor(dependencies: PlacerDependencies) {
    this.#with = dependencies;
  }

  /** Places the order, or finds the task to which its key belongs. Throws what `Orders.submit` throws. */
  async place(orderer: Orderer, order: Order, arrivedAt: Date): Promise<Submission> {
    const described = order.request.images.map(describeImage);
    const { now, settings, duplicates } = this.#with;
    const draft = draftOf(orderer, order, described, { now: now(), ...settings });
    const key = new OrderKey(this.#with, order, draft, arrivedAt);
    for (;;) {
      // Looked up first, so that a duplicate request never counts against a limit, not even for a moment, and needs no
      // image that is not kept any more.
      const original = await key.original().catch(sayThatNothingWasOrdered);
      if (original) return { task: await duplicates.whenSubmitted(orderer, original), replayed: true };
      const placeNew = () => this.#placeNew(orderer, order, { draft, described, key });
      const task = await (readsImages(order.request.model, described) ? this.#reading.take(placeNew) : placeNew());
      if (task) return { task, replayed: false };
    }
  }

  /**
   * Writes an order to which no task belongs, and sends it where it may be sent now. Null where its key may belong to a
   * task by now.
   */
  async #placeNew(orderer: Orderer, order: Order, { draft, described, key }: NewOrder): Promise<VideoTask | null> {
    const written = await this.#prepareAndEnter(orderer, draft, described, key).catch(sayThatNothingWasOrdered);
    if (!written) return null;
    const { model, prompt, durationSeconds, aspectRatio, resolution } = order.request;
    const { task, beginning, imageUrls } = written;
    if (beginning.permit === null) return task;
    const keepForLater = () => this.#keepForLater(orderer, described);
    const request = { model, prompt, durationSeconds, aspectRatio, resolution, imageUrls };
    try {
      return await this.#with.sender.send({ task, request, permit: beginning.permit, keepForLater });
    } finally {
      this.#keepInline(orderer, described);
    }
  }

  /** Keeps what an order needs in order to be sent later. False where that is not possible. */
  async #keepForLater({ client }: Orderer, described: readonly DescribedImage[]): Promise<boolean> {
    const inline = inlineImagesIn(described);
    return inline.length === 0 || this.#with.images.keep(client, inline);
  }

  /** Keeps the inline images of an order, after it was sent and unawaited, so that it neither delays nor fails the order. */
  #keepInline({ client }: Orderer, described: readonly DescribedImage[]): void {
    const { images, pending, aborting } = this.#with;
    const inline = inlineImagesIn(described);
    if (inline.length > 0) pending.trackUntil(images.keep(client, inline), aborting);
  }

  async #prepareAndEnter(orderer: Orderer, draft: Draft, described: readonly DescribedImage[], key: OrderKey) {
    const images = await prepareImages(this.#with.images, orderer, draft.model, described);
    return this.#enter(orderer, draft, { images, key, keepForLater: () => this.#keepForLater(orderer, described) });
  }

  /**
   * Counts the order and writes it. Null where its key may belong to another task by now, so that the caller has to
   * look again. Duplicates that arrive together are counted one after another: both at once could use up the place of
   * another order under the limit.
   */
  async #enter(orderer: Orderer, draft: Draft, prepared: Prepared): Promise<Written | null> {
    const { key } = prepared;
    const name = draft.idempotencyKey === null ? null : JSON.stringify([draft.client, draft.idempotencyKey]);
    if (name === null) return this.#count(orderer, draft, prepared);
    const duplicate = this.#entering.get(name);
    if (duplicate !== undefined) {
      await duplicate;
      return null;
    }
    const counting = this.#count(orderer, draft, prepared);
    const done = () => void this.#entering.delete(name);
    this.#entering.set(name, counting.then(done, done));
    try {
      return await counting;
    } catch (error) {
      // The limits may refuse a duplicate whose original was counted a moment ago; it gets the original as its answer.
      if (limitErrors.some((type) => error instanceof type) && (await hasOriginal(key))) return null;
      throw error;
    }
  }

  async #count(orderer: Orderer, draft: Draft, prepared: Prepared): Promise<Written | null> {
    const { ledger, refund, writer } = this.#with;
    const cost = costOf(draft.billingUnit, draft.billingUnits);
    await ledger.spend(orderer, cost, draft.createdAt);
    let written: Written | null = null;
    try {
      // Written after it was counted, so that what the limits refuse reads no images.
      written = await writer.write(draft, prepared);
      return written;
    } finally {
      if (!written) await refund(draft, cost);
    }
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
