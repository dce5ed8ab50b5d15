import type { SpendingLimits } from '../spending/limits.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { Viewer } from '../tasks/task-reader.ts';
import type { RequestedOrder } from './order-hash.ts';

/** The client that orders a video and owns its task, with its limits. */
export interface Orderer extends Viewer {
  readonly limits: SpendingLimits;
}

/** An order with its idempotency key. */
export interface Order extends RequestedOrder {
  /** A second order under the same key is answered with the first one's task and not sent. */
  readonly idempotencyKey?: string | undefined;
}

/** The outcome of placing an order. */
export interface Submission {
  readonly task: VideoTask;
  /** Whether the key belonged to this task already, so that nothing was ordered. */
  readonly replayed: boolean;
}
