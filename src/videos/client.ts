import type { SpendingLimits } from './spending.ts';
import type { VideoTask } from './task.ts';

/** On whose behalf something is read or ordered. */
export interface Client {
  readonly name: string;
  /** Whether it sees every client's tasks, or only its own. */
  readonly seesAll: boolean;
  readonly limits: SpendingLimits;
}

/** Whether the client may know of the task at all. */
export const maySee = ({ seesAll, name }: Client, task: Pick<VideoTask, 'client'>): boolean =>
  seesAll || task.client === name;
