import { IdempotencyKeyMismatchError } from '../errors.ts';
import { failedForFree } from '../tasks/failures.ts';
import type { RecordChange } from '../tasks/record-change.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { NewTask, TaskStore } from '../tasks/task-store.ts';
import { givenUp, quoted } from './key-spelling.ts';
import { isSameOrder, type RequestedOrder } from './order-hash.ts';

export interface KeyDependencies {
  readonly store: Pick<TaskStore, 'findByIdempotencyKeys'>;
  readonly record: RecordChange;
  readonly now: () => Date;
  /** How long an idempotency key belongs to its order. */
  readonly idempotencyKeyLifetimeMs: number;
}

/** The part of a task to be written by which its key is looked up. */
type KeyedDraft = Pick<NewTask, 'client' | 'idempotencyKey' | 'orderHash'>;

/**
 * The idempotency key of one order that is being placed. A key belongs to its task until it expires or the task fails
 * without being billed; then the next order that arrives takes the key over. An order that arrived before the failure
 * still gets the failed task as its answer.
 */
export class OrderKey {
  readonly #with: KeyDependencies;
  readonly #order: RequestedOrder;
  readonly #draft: KeyedDraft;
  readonly #arrivedAt: Date;
  /** The tasks that had failed without being billed when the order arrived; null before the first lookup. */
  #failedBefore: ReadonlySet<string> | null = null;
  /** The tasks that give the key up, as of the last lookup, the newest first. */
  #failed: readonly VideoTask[] = [];
  #expired: readonly VideoTask[] = [];

  constructor(dependencies: KeyDependencies, order: RequestedOrder, draft: KeyedDraft, arrivedAt: Date) {
    this.#with = dependencies;
    this.#order = order;
    this.#draft = draft;
    this.#arrivedAt = arrivedAt;
  }

  /**
   * The task to which the key belongs; null where it belongs to none, or to tasks from which `free` takes it.
   *
   * @throws IdempotencyKeyMismatchError when it belongs to another order.
   */
  async original(): Promise<VideoTask | null> {
    const { client, idempotencyKey: key } = this.#draft;
    if (key === null) return null;
    const found = await this.#with.store.findByIdempotencyKeys(client, [key, quoted(key), givenUp(key)]);
    // Tasks that keep only a trace of the key are older than those with the key itself, even if clocks disagree.
    const isTrace = ({ idempotencyKey }: VideoTask) => Number(idempotencyKey === givenUp(key));
    const known = found.toSorted((one, other) => isTrace(one) - isTrace(other) || (one.id < other.id ? 1 : -1));
    this.#expired = known.filter((task) => this.#isExpired(task));
    const kept = known.filter((task) => !this.#isExpired(task));
    // Decided at the first lookup only: a task that is found later had not failed, or did not exist, when the order
    // arrived.
    this.#failedBefore ??= new Set(kept.filter((task) => this.#hadFailed(task)).map(({ id }) => id));
    const standing = kept.filter((task) => !isTrace(task) && !this.#failedBefore?.has(task.id));
    this.#failed = kept.filter((task) => !standing.includes(task));
    const same = standing.find((task) => this.#isSame(task));
    if (same) return same;
    if (standing[0]) throw new IdempotencyKeyMismatchError(standing[0].id);
    return null;
  }

  /**
   * Takes the key from the tasks that give it up. The one that failed last keeps a trace of it: if this process stops
   * before the key is taken again, the next order still knows which task it repeats.
   */
  async free(): Promise<void> {
    const { record } = this.#with;
    const [last, ...earlier] = this.#failed;
    for (const task of [...this.#expired, ...earlier]) await record(task, { idempotencyKey: null });
    const trace = givenUp(this.#draft.idempotencyKey ?? '');
    if (last && last.idempotencyKey !== trace) await record(last, { idempotencyKey: trace });
  }

  /** The failed task that this order repeats under the same key; null where there is none. */
  get repeatedId(): string | null {
    const [last] = this.#failed;
    return last && this.#isSame(last) ? last.id : null;
  }

  #isSame(task: VideoTask): boolean {
    return isSameOrder(this.#order, this.#draft.orderHash, task.orderHash);
  }

  /** A key expires so long after its order was sent. That of an order that waits does not: both would be sent. */
  #isExpired({ createdAt, submittedAt, status }: VideoTask): boolean {
    if (status === 'WAITING' || status === 'SUBMITTING') return false;
    const { now, idempotencyKeyLifetimeMs } = this.#with;
    return now().getTime() - (submittedAt ?? createdAt).getTime() >= idempotencyKeyLifetimeMs;
  }

  #hadFailed(task: VideoTask): boolean {
    return failedForFree(task) && task.completedAt !== null && task.completedAt <= this.#arrivedAt;
  }
}
