import type { ModelName } from '../catalogue/models.ts';
import type { TaskStatus } from './task.ts';

/**
 * A task matches when it meets every given condition. An absent condition is met by all tasks, an empty list by none.
 */
export interface TaskFilter {
  readonly clients?: readonly string[] | undefined;
  readonly statuses?: readonly TaskStatus[] | undefined;
  readonly models?: readonly ModelName[] | undefined;
  /** At most as many as a page holds. */
  readonly ids?: readonly string[] | undefined;
  /** Inclusive. */
  readonly createdAfter?: Date | undefined;
  /** Exclusive. */
  readonly createdBefore?: Date | undefined;
}

/**
 * The part of a list to read: tasks with ids between `olderThan` and `newerThan`, without those two. The newest tasks
 * come first; `inverted` reads from the oldest.
 */
export interface TaskPage {
  readonly newerThan?: string | undefined;
  readonly olderThan?: string | undefined;
  readonly limit: number;
  readonly inverted: boolean;
}

/** How many matching tasks have a status. Counting stops at a limit. */
export interface TaskCount {
  readonly status: TaskStatus;
  readonly count: number;
}
