import type { ReferenceImage } from '../catalogue/reference-image.ts';
import type { TaskChange, TaskProgress, VideoTask } from './task.ts';
import type { TaskCount, TaskFilter, TaskPage } from './task-filter.ts';

/** A task as it is first written: the order with its images, and until when its submit has time. */
export type NewTask = Omit<VideoTask, 'id' | 'version' | keyof TaskProgress> &
  Pick<TaskProgress, 'status' | 'leasedUntil' | 'nextCheckAt' | 'idempotencyKey'> & {
    readonly referenceImages: readonly ReferenceImage[];
  };

/**
 * PORT: where tasks are kept. Every write is durable when its promise resolves.
 *
 * All methods throw DatabaseUnavailableError when the database does not do what it is asked.
 */
export interface TaskStore {
  /** Writes a new task; when this returns, the row is durable. Null where the client's key stands for another task. */
  create(task: NewTask): Promise<VideoTask | null>;
  find(id: string): Promise<VideoTask | null>;
  /** Those that are there, in no order. */
  findMany(ids: readonly string[]): Promise<VideoTask[]>;
  /** The images of a task, in the order's order; none where there is no such task. Asked at once for many, they are read at once. */
  findReferenceImages(id: string): Promise<readonly ReferenceImage[]>;
  /** The client's tasks that have one of these keys, in no order. */
  findByIdempotencyKeys(client: string, keys: readonly string[]): Promise<VideoTask[]>;
  findByUpstreamId(upstreamId: string): Promise<VideoTask | null>;
  /** The newest tasks that repeat the order of a task; a client's, where one is given. */
  listResubmissions(id: string, client: string | undefined, limit: number): Promise<VideoTask[]>;
  list(filter: TaskFilter, page: TaskPage): Promise<VideoTask[]>;
  /** The same page, of which no more is read than says whether one knows the tasks already. */
  listVersions(filter: TaskFilter, page: TaskPage): Promise<Pick<VideoTask, 'id' | 'version'>[]>;
  /** How many tasks of the filter are in each of its states, counted up to `limit` in each. */
  count(filter: TaskFilter, limit: number): Promise<TaskCount[]>;
  /**
   * Changes the task if it is still as it was read; null where another write has come since, or the change gives it a
   * key that another task of its client has.
   *
   * @throws TaskStateError when the change confirms an upstream id that was confirmed for another task.
   */
  update(task: Pick<VideoTask, 'id' | 'version'>, change: TaskChange): Promise<VideoTask | null>;
  /** Takes up to `limit` tasks that are due and nobody's, the longest due first, and holds them until `leasedUntil`. */
  claimDue(now: Date, leasedUntil: Date, limit: number): Promise<VideoTask[]>;
  /** Since when the task that has been due the longest is due; null where none is. */
  oldestDue(now: Date): Promise<Date | null>;
  /** Writes of checks that brought nothing new what they change, of each task if it is still in the version it has here. */
  saveChecks(tasks: readonly VideoTask[]): Promise<void>;
}
