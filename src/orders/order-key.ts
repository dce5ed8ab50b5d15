import { IdempotencyKeyMismatchError } from '../errors.ts';
import { failures } from '../tasks/failures.ts';
import type { RecordChange } from '../tasks/record-change.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { NewTask, TaskStore } from '../tasks/task-store.ts';
import { givenUp, quoted } from './key-spelling.ts';
import { isSameOrder, type RequestedOrder } from './order-hash.ts';

/** Whether the order provably was not accepted, so that nothing is billed for it. */
export const failedForFree = ({ status, failureCode, upstreamId }: VideoTask): boolean =>
  status === 'FAILED' && failureCode !== null && !failures[failureCode].mayBeBilled && upstreamId === null;

export interface KeyDependencies {
  readonly store: Pick<TaskStore, 'findByIdempotencyKeys'>;
  readonly record: RecordChange;
  readonly now: () => Date;
  /** How long an idempotency key stands for its order. */
  readonly idempotencyKeyLifetimeMs: number;
}

/**
 * The idempotency key of one order under way. It stands for a task until it expires, or until the task has failed for
 * free: the next order to arrive takes the key over. An order that had arrived before the failure is answered with it.
 */
export class OrderKey {
  readonly #with: KeyDependencies;
  readonly #order: RequestedOrder;
  readonly #draft: NewTask;
  readonly #arrivedAt: Date;
  /** The tasks that had failed for free when the order arrived; unknown before the first look. */
  #failedBefore: ReadonlySet<string> | null = null;
  /** What the last look has found of those that give the key up: the newest one first. */
  #failed: readonly VideoTask[] = [];
  #expired: readonly VideoTask[] = [];

  constructor(dependencies: KeyDependencies, order: RequestedOrder, draft: NewTask, arrivedAt: Date) {
    this.#with = dependencies;
    this.#order = order;
    this.#draft = draft;
    this.#arrivedAt = arrivedAt;
  }

  /**
   * The task that the key stands for; null where it stands for none, or `free` makes it so.
   *
   * @throws IdempotencyKeyMismatchError when it stands for another order.
   */
  async original(): Promise<VideoTask | null> {
    const { client, idempotencyKey: key } = this.#draft;
    if (key === null) return null;
    const found = await this.#with.store.findByIdempotencyKeys(client, [key, quoted(key), givenUp(key)]);
    // What has a trace of the key had it before those that have the key itself, whatever their clocks said.
    const isTrace = ({ idempotencyKey }: VideoTask) => Number(idempotencyKey === givenUp(key));
    const known = found.toSorted((one, other) => isTrace(one) - isTrace(other) || (one.id < other.id ? 1 : -1));
    this.#expired = known.filter((task) => this.#isExpired(task));
    const kept = known.filter((task) => !this.#isExpired(task));
    // Decided at the first look: a task that is found later had not failed, or was not there, when the order arrived.
    this.#failedBefore ??= new Set(kept.filter((task) => this.#hadFailed(task)).map(({ id }) => id));
    const standing = kept.filter((task) => !isTrace(task) && !this.#failedBefore?.has(task.id));
    this.#failed = kept.filter((task) => !standing.includes(task));
    const same = standing.find((task) => this.#isSame(task));
    if (same) return same;
    if (standing[0]) throw new IdempotencyKeyMismatchError(standing[0].id);
    return null;
  }

  /**
   * Takes the key from the tasks that give it up. The last that failed keeps a trace of it, so that even an order that
   * comes before the key is taken again knows what it repeats.
   */
  async free(): Promise<void> {
    const { record } = this.#with;
    const [last, ...earlier] = this.#failed;
    for (const task of [...this.#expired, ...earlier]) await record(task, { idempotencyKey: null });
    const trace = givenUp(this.#draft.idempotencyKey ?? '');
    if (last && last.idempotencyKey !== trace) await record(last, { idempotencyKey: trace });
  }

  /** The failed task that the order repeats under its key. */
  get repeatedId(): string | null {
    const [last] = this.#failed;
    return last && this.#isSame(last) ? last.id : null;
  }

  #isSame(task: VideoTask): boolean {
    return isSameOrder(this.#order, this.#draft.orderHash, task.orderHash);
  }

  #isExpired({ createdAt }: VideoTask): boolean {
    const { now, idempotencyKeyLifetimeMs } = this.#with;
    return now().getTime() - createdAt.getTime() >= idempotencyKeyLifetimeMs;
  }

  #hadFailed(task: VideoTask): boolean {
    return failedForFree(task) && task.completedAt !== null && task.completedAt <= this.#arrivedAt;
  }
}
