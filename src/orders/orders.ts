import { ServiceStoppingError } from '../errors.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { TaskFilter } from '../tasks/task-filter.ts';
import type { TaskReader, Viewer } from '../tasks/task-reader.ts';
import type { TaskStore } from '../tasks/task-store.ts';
import { Admission } from './admission.ts';
import { Cancelling } from './cancelling.ts';
import { Duplicates } from './duplicates.ts';
import { OpenLimits } from './open-limits.ts';
import type { Order, Orderer, Submission } from './order.ts';
import { OrderPlacer, type PlacerDependencies, type PlacerSettings } from './order-placer.ts';
import { OrderSender, type SenderDependencies } from './order-sender.ts';
import { OrderWriter, type WriterDependencies } from './order-writer.ts';
import { PendingWork } from './pending-work.ts';
import { repeatedRequestOf, sayWhatIsNotKept } from './resubmission.ts';
import { type UnconfirmedDependencies, UnconfirmedOrders } from './unconfirmed-orders.ts';
import { type WaitingDependencies, WaitingOrders, type WaitingSettings } from './waiting-orders.ts';

/** How many orders of one batch are sent at a time. */
const batchConcurrency = 4;

export interface OrdersSettings extends PlacerSettings, WaitingSettings {
  /** How many tasks of all clients may be open at the upstream; null for no limit. */
  readonly maxOpen: number | null;
  /** How many orders of one client may wait; null for no limit. */
  readonly maxWaiting: number | null;
}

/** What `Orders` makes of the other dependencies. */
type Made = 'writer' | 'sender' | 'pending' | 'duplicates' | 'openLimits' | 'readerFor' | 'store' | 'settings';

export interface OrdersDependencies
  extends Omit<SenderDependencies, Made>,
    Omit<PlacerDependencies, Made>,
    Omit<WriterDependencies, Made | 'admission'>,
    Omit<WaitingDependencies, Made>,
    Omit<UnconfirmedDependencies, Made> {
  readonly store: TaskStore;
  readonly readerFor: (viewer: Viewer) => TaskReader;
  readonly settings: OrdersSettings;
  /** Aborts when the service stops: from then on orders are refused. */
  readonly stopping: AbortSignal;
}

/** Places orders: single, in a batch, or again; and settles orders whose answer was lost. */
export class Orders {
  readonly #with: OrdersDependencies;
  readonly #pending = new PendingWork();
  readonly #placer: OrderPlacer;
  readonly #unconfirmed: UnconfirmedOrders;
  readonly #cancelling: Cancelling;
  /** Sends the orders that wait. */
  readonly waiting: WaitingOrders;

  constructor(dependencies: OrdersDependencies) {
    const { settings, readerFor, store } = dependencies;
    this.#with = dependencies;
    const openLimits = new OpenLimits(store, settings.maxOpen);
    const shared = { ...dependencies, pending: this.#pending, openLimits };
    const sender = new OrderSender(shared);
    const duplicates = new Duplicates({ readerFor, submitLeaseMs: settings.submitLeaseMs });
    const admission = new Admission(shared, settings.maxWaiting);
    const writer = new OrderWriter({ ...shared, admission }, settings.submitLeaseMs);
    this.#placer = new OrderPlacer({ ...shared, sender, duplicates, writer });
    this.waiting = new WaitingOrders({ ...shared, sender }, settings);
    this.#unconfirmed = new UnconfirmedOrders(dependencies);
    this.#cancelling = new Cancelling(dependencies);
  }

  /**
   * Orders a video and records the outcome. The task is written before the upstream is called, and each outcome of the
   * call is a state of the task, as is that the order has to wait. So every error but the last means that nothing was
   * ordered.
   *
   * @throws ServiceStoppingError when the service is shutting down.
   * @throws LimitExceededError when its images are too large to be sent, or the facts to store about them are.
   * @throws UploadStateError when an uploaded image cannot be used.
   * @throws NotConfiguredError when the upstream could not fetch an uploaded image from this service.
   * @throws StorageUnavailableError when an uploaded image could not be read.
   * @throws IdempotencyKeyMismatchError when the key belongs to another order.
   * @throws RateLimitedError, QuotaExceededError, LimitExceededError when the client has reached a limit.
   * @throws DatabaseUnavailableError when the order could not be written, and was therefore not sent.
   * @throws AnswerNotSavedError when the order was sent but its answer is not saved yet.
   */
  async submit(orderer: Orderer, order: Order, arrivedAt = this.#with.now()): Promise<Submission> {
    if (this.#with.stopping.aborted) throw new ServiceStoppingError();
    return this.#pending.track(this.#placer.place(orderer, order, arrivedAt));
  }

  /** Orders several videos, a few at a time. Returns one outcome for each, in the given order. */
  async submitAll(orderer: Orderer, orders: readonly Order[]): Promise<PromiseSettledResult<Submission>[]> {
    const outcomes: PromiseSettledResult<Submission>[] = [];
    const arrivedAt = this.#with.now();
    const waiting = orders.entries();
    const work = async (): Promise<void> => {
      // The workers share one iterator, so each order is taken once.
      for (const [index, order] of waiting) {
        const [outcome] = await Promise.allSettled([this.submit(orderer, order, arrivedAt)]);
        outcomes[index] = outcome;
      }
    };
    await Promise.all(Array.from({ length: batchConcurrency }, work));
    return outcomes;
  }

  /**
   * Orders the video of an ended task again, as a new task that is linked to it.
   *
   * @throws TaskNotFoundError when there is no such task or the orderer may not see it.
   * @throws TaskStateError when the task has not ended, or its images cannot be sent again.
   * @throws what `submit` throws.
   */
  async resubmit(
    orderer: Orderer,
    id: string,
    { options, idempotencyKey }: Pick<Order, 'options' | 'idempotencyKey'>,
  ): Promise<Submission> {
    const reader = this.#with.readerFor(orderer);
    const task = await reader.findExisting(id);
    const request = repeatedRequestOf(task, await reader.referenceImagesOf(task));
    return this.submit(orderer, { request, options, idempotencyKey, resubmissionOfId: task.id }).catch(
      sayWhatIsNotKept(task),
    );
  }

  /**
   * Records that the operator found the order of an UNCONFIRMED task in the vendor's console, as `upstreamId`. The task
   * is tracked from then on.
   *
   * @throws TaskNotFoundError when there is no such task or the viewer may not see it.
   * @throws TaskStateError when the task is not UNCONFIRMED, or another task has this upstream id.
   */
  confirm(viewer: Viewer, id: string, upstreamId: string): Promise<VideoTask> {
    return this.#unconfirmed.confirm(viewer, id, upstreamId);
  }

  /**
   * Gives an UNCONFIRMED task up: it ends as FAILED.
   *
   * @throws TaskNotFoundError when there is no such task or the viewer may not see it.
   * @throws TaskStateError when the task is not UNCONFIRMED.
   */
  abandon(viewer: Viewer, id: string): Promise<VideoTask> {
    return this.#unconfirmed.abandon(viewer, id);
  }

  /**
   * Cancels an order that was not sent yet. Repeating the call changes nothing.
   *
   * @throws TaskNotFoundError when there is no such task or the viewer may not see it.
   * @throws TaskStateError when the task does not wait.
   */
  cancel(viewer: Viewer, id: string): Promise<VideoTask> {
    return this.#cancelling.cancel(viewer, id);
  }

  /** Cancels the waiting orders that match, 1,000 at most: the viewer's own, unless the filter names clients. */
  cancelAll(viewer: Viewer, filter: TaskFilter): Promise<readonly VideoTask[]> {
    return this.#cancelling.cancelAll(viewer, filter);
  }

  /** Resolves when the submits under way have ended. */
  settled(): Promise<void> {
    return this.#pending.settled();
  }
}
