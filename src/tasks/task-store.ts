import type { ReferenceImage } from '../catalogue/reference-image.ts';
import type { TaskChange, TaskProgress, VideoTask } from './task.ts';
import type { TaskCount, TaskFilter, TaskPage } from './task-filter.ts';

/**
 * A task as it is first written: the order with its images, and either the lease within which it must be submitted or
 * its place among the orders that wait.
 */
export type NewTask = Omit<VideoTask, 'id' | 'version' | keyof TaskProgress> &
  Pick<
    TaskProgress,
    'status' | 'leasedUntil' | 'nextCheckAt' | 'idempotencyKey' | 'account' | 'sendAttempt' | 'turn' | 'waitsFor'
  > & {
    readonly referenceImages: readonly ReferenceImage[];
  };

/**
 * PORT: stores tasks. A write is durable when its promise resolves.
 *
 * All methods throw DatabaseUnavailableError when the database does not carry out a statement.
 */
export interface TaskStore {
  /** Writes a new task. Null where the client's idempotency key belongs to another task. */
  create(task: NewTask): Promise<VideoTask | null>;
  find(id: string): Promise<VideoTask | null>;
  /** The tasks among these ids that exist, in no particular order. */
  findMany(ids: readonly string[]): Promise<VideoTask[]>;
  /**
   * The images of a task, in the order in which they were ordered; empty where there is no such task. Calls for several
   * tasks in one tick become one query.
   */
  findReferenceImages(id: string): Promise<readonly ReferenceImage[]>;
  /** The client's tasks with one of these keys, in no particular order. */
  findByIdempotencyKeys(client: string, keys: readonly string[]): Promise<VideoTask[]>;
  findByUpstreamId(upstreamId: string): Promise<VideoTask | null>;
  /** The newest tasks that repeat the order of a task. With a client, only its tasks. */
  listResubmissions(id: string, client: string | undefined, limit: number): Promise<VideoTask[]>;
  list(filter: TaskFilter, page: TaskPage): Promise<VideoTask[]>;
  /** The ids and versions of the same page. A cache learns from them which tasks it has to read. */
  listVersions(filter: TaskFilter, page: TaskPage): Promise<Pick<VideoTask, 'id' | 'version'>[]>;
  /** How many tasks match the filter, by status, each counted up to `limit`. */
  count(filter: TaskFilter, limit: number): Promise<TaskCount[]>;
  /**
   * Changes the task if it still has the given version. Null where another write came first, or the change gives it a
   * key that another task of its client has.
   *
   * @throws TaskStateError when the change confirms an upstream id that was confirmed for another task.
   */
  update(task: Pick<VideoTask, 'id' | 'version'>, change: TaskChange): Promise<VideoTask | null>;
  /**
   * Claims up to `limit` due tasks that have no running lease, the longest due first, and leases them until
   * `leasedUntil`.
   */
  claimDue(now: Date, leasedUntil: Date, limit: number): Promise<VideoTask[]>;
  /** When the next check of the longest due task was due; null where no task is due. */
  oldestDue(now: Date): Promise<Date | null>;
  /**
   * Writes the times and counts of checks that brought nothing new. A task whose version has changed since is left as
   * it is.
   */
  saveChecks(tasks: readonly VideoTask[]): Promise<void>;
  /** The waiting tasks with the lowest turns, but for those of some clients. */
  listWaiting(limit: number, exceptClients: readonly string[]): Promise<VideoTask[]>;
  /** The waiting tasks that were to be sent before `now`, the earliest first. */
  listTooLate(now: Date, limit: number): Promise<VideoTask[]>;
  /** The highest turn of the client's waiting tasks; 0 where none waits. */
  lastTurnOf(client: string): Promise<number>;
  /** How many tasks wait that are sent before one with this turn, counted up to `limit`. */
  countWaitingBefore(turn: number, limit: number): Promise<number>;
}
