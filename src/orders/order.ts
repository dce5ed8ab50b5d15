import type { SpendingLimits } from '../spending/usage.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { Viewer } from '../tasks/task-reader.ts';
import type { RequestedOrder } from './order-hash.ts';

/** On whose behalf a video is ordered: the client whose task it becomes, and what that client may spend. */
export interface Orderer extends Viewer {
  readonly limits: SpendingLimits;
}

/** An order as it is placed. */
export interface Order extends RequestedOrder {
  /** The client's name for the order: sent again under the same name, it is not ordered again. */
  readonly idempotencyKey?: string | undefined;
}

/** What became of an order. */
export interface Submission {
  readonly task: VideoTask;
  /** Whether the task was there already, so that nothing was ordered now. */
  readonly replayed: boolean;
}
