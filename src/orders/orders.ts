import { ServiceStoppingError } from '../errors.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { TaskReader, Viewer } from '../tasks/task-reader.ts';
import type { TaskStore } from '../tasks/task-store.ts';
import type { Order, Orderer, Submission } from './order.ts';
import { OrderPlacer, type PlacerDependencies } from './order-placer.ts';
import { OrderSender, type SenderDependencies } from './order-sender.ts';
import { PendingWork } from './pending-work.ts';
import { repeatedRequestOf } from './resubmission.ts';
import { type UnconfirmedDependencies, UnconfirmedOrders } from './unconfirmed-orders.ts';

/** Calls to the upstream that one batch has under way at once. */
const batchConcurrency = 4;

export interface OrdersDependencies
  extends Omit<SenderDependencies, 'pending' | 'store'>,
    Omit<PlacerDependencies, 'sender' | 'readerFor' | 'store'>,
    Omit<UnconfirmedDependencies, 'readerFor' | 'store'> {
  readonly store: TaskStore;
  readonly readerFor: (viewer: Viewer) => TaskReader;
  /** Ends the taking of orders. */
  readonly stopping: AbortSignal;
}

/** Placing orders: submit, batch, resubmit, and what becomes of an order whose answer was lost. */
export class Orders {
  readonly #with: OrdersDependencies;
  readonly #pending = new PendingWork();
  readonly #placer: OrderPlacer;
  readonly #unconfirmed: UnconfirmedOrders;

  constructor(dependencies: OrdersDependencies) {
    this.#with = dependencies;
    const sender = new OrderSender({ ...dependencies, pending: this.#pending });
    this.#placer = new OrderPlacer({ ...dependencies, sender });
    this.#unconfirmed = new UnconfirmedOrders(dependencies);
  }

  /**
   * Orders the video and records what came of it. The row is there before the upstream is called, and every outcome of
   * the call is a state of the task, so all but the last of these errors mean that nothing was ordered.
   *
   * @throws ServiceStoppingError when the service is shutting down.
   * @throws LimitExceededError when a row has no place for what is to be kept of its images.
   * @throws IdempotencyKeyMismatchError when the key stands for another order.
   * @throws RateLimitedError, QuotaExceededError when the client has ordered as much as it may.
   * @throws DatabaseUnavailableError when the order could not be written down, and was therefore not sent.
   * @throws AnswerNotSavedError when the order was sent, but the database does not take the answer.
   */
  async submit(orderer: Orderer, order: Order, arrivedAt = this.#with.now()): Promise<Submission> {
    if (this.#with.stopping.aborted) throw new ServiceStoppingError();
    return this.#pending.track(this.#placer.place(orderer, order, arrivedAt));
  }

  /** Orders several videos, a few at a time; each has an outcome of its own, in the order given. */
  async submitAll(orderer: Orderer, orders: readonly Order[]): Promise<PromiseSettledResult<Submission>[]> {
    const outcomes: PromiseSettledResult<Submission>[] = [];
    const arrivedAt = this.#with.now();
    const waiting = orders.entries();
    const work = async (): Promise<void> => {
      // The workers share the iterator: each order is taken once.
      for (const [index, order] of waiting) {
        const [outcome] = await Promise.allSettled([this.submit(orderer, order, arrivedAt)]);
        outcomes[index] = outcome;
      }
    };
    await Promise.all(Array.from({ length: batchConcurrency }, work));
    return outcomes;
  }

  /**
   * Orders again what an ended task had ordered, as a new task that is linked to it.
   *
   * @throws TaskNotFoundError when there is no such task, or it is not to be seen.
   * @throws TaskStateError when the task has not ended, or its images cannot be sent again.
   * @throws what `submit` throws.
   */
  async resubmit(orderer: Orderer, id: string, idempotencyKey?: string): Promise<Submission> {
    const reader = this.#with.readerFor(orderer);
    const task = await reader.findExisting(id);
    const request = repeatedRequestOf(task, await reader.referenceImagesOf(task));
    return this.submit(orderer, { request, idempotencyKey, resubmissionOfId: task.id });
  }

  /**
   * The order of an UNCONFIRMED task was found with the vendor, as `upstreamId`: from now on it is followed.
   *
   * @throws TaskNotFoundError when there is no such task, or it is not to be seen.
   * @throws TaskStateError when the task is not UNCONFIRMED, or another task has this upstream id.
   */
  confirm(viewer: Viewer, id: string, upstreamId: string): Promise<VideoTask> {
    return this.#unconfirmed.confirm(viewer, id, upstreamId);
  }

  /**
   * The order of an UNCONFIRMED task is not waited for any longer.
   *
   * @throws TaskNotFoundError when there is no such task, or it is not to be seen.
   * @throws TaskStateError when the task is not UNCONFIRMED.
   */
  abandon(viewer: Viewer, id: string): Promise<VideoTask> {
    return this.#unconfirmed.abandon(viewer, id);
  }

  /** Resolves when the submits under way have ended: for the shutdown. */
  settled(): Promise<void> {
    return this.#pending.settled();
  }
}
