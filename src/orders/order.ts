import type { SpendingLimits } from '../spending/limits.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { Viewer } from '../tasks/task-reader.ts';
import type { WhenBusy } from '../tasks/wait-reasons.ts';
import type { RequestedOrder } from './order-hash.ts';

/** The client that orders a video and owns its task, with its limits. */
export interface Orderer extends Viewer {
  readonly limits: SpendingLimits;
}

/** What is not about the video itself. */
export interface OrderOptions {
  readonly whenBusy: WhenBusy;
  /** From then on the order is not sent any more; null for the longest time that an order waits. */
  readonly startBefore: Date | null;
}

/** An order with its idempotency key. */
export interface Order extends RequestedOrder {
  readonly options: OrderOptions;
  /** A second order under the same key is answered with the first one's task and not sent. */
  readonly idempotencyKey?: string | undefined;
}

/** The outcome of placing an order. */
export interface Submission {
  readonly task: VideoTask;
  /** Whether the key belonged to this task already, so that nothing was ordered. */
  readonly replayed: boolean;
}
