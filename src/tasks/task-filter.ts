import type { ModelName } from '../catalogue/models.ts';
import type { TaskStatus } from './task.ts';

/** Which tasks a list is about; every given condition must hold. */
export interface TaskFilter {
  readonly clients?: readonly string[] | undefined;
  readonly statuses?: readonly TaskStatus[] | undefined;
  readonly models?: readonly ModelName[] | undefined;
  /** A page of them at most. */
  readonly ids?: readonly string[] | undefined;
  /** Inclusive. */
  readonly createdAfter?: Date | undefined;
  /** Exclusive. */
  readonly createdBefore?: Date | undefined;
}

/** Which part of a list is wanted: the tasks between two ids, from the newest on or, inverted, from the oldest on. */
export interface TaskPage {
  readonly newerThan?: string | undefined;
  readonly olderThan?: string | undefined;
  readonly limit: number;
  readonly inverted: boolean;
}

/** How many tasks of the filter are in a state; `limit` where there are that many or more. */
export interface TaskCount {
  readonly status: TaskStatus;
  readonly count: number;
}
