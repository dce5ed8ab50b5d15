import { TaskStateError } from '../errors.ts';
import { isCancelledByCaller } from '../tasks/failures.ts';
import type { Clock } from '../tasks/moment.ts';
import { afterCancelling } from '../tasks/order-transitions.ts';
import type { RecordChange } from '../tasks/record-change.ts';
import type { VideoTask } from '../tasks/task.ts';
import type { TaskFilter } from '../tasks/task-filter.ts';
import type { TaskReader, Viewer } from '../tasks/task-reader.ts';

export interface CancellingDependencies {
  readonly readerFor: (viewer: Viewer) => Pick<TaskReader, 'findExisting' | 'list'>;
  readonly record: RecordChange;
  readonly clock: Clock;
}

/** How many orders are cancelled by one call at most. */
export const maxCancelled = 1_000;

/** How many orders are read at a time. */
const pageSize = 100;

/** Cancels orders that wait. One conditional update decides between the caller and the sender. */
export class Cancelling {
  readonly #with: CancellingDependencies;

  constructor(dependencies: CancellingDependencies) {
    this.#with = dependencies;
  }

  /** Cancels one order. Throws what `Orders.cancel` throws. */
  async cancel(viewer: Viewer, id: string): Promise<VideoTask> {
    const { readerFor, record, clock } = this.#with;
    for (;;) {
      const task = await readerFor(viewer).findExisting(id);
      if (isCancelledByCaller(task)) return task;
      const change = afterCancelling(task, clock());
      if (!change) throw new TaskStateError(wordsFor(task));
      const cancelled = await record(task, change);
      if (cancelled) return cancelled;
    }
  }

  /** Cancels the waiting orders that match, the newest first, `maxCancelled` at most. */
  async cancelAll(viewer: Viewer, filter: TaskFilter): Promise<readonly VideoTask[]> {
    const { readerFor, record, clock } = this.#with;
    const clients = filter.clients ?? [viewer.client];
    const statuses = (filter.statuses ?? ['WAITING']).filter((status) => status === 'WAITING');
    const cancelled: VideoTask[] = [];
    for (let olderThan: string | undefined; cancelled.length < maxCancelled; ) {
      const limit = Math.min(pageSize, maxCancelled - cancelled.length);
      const tasks = await readerFor(viewer).list(
        { ...filter, clients, statuses },
        { olderThan, limit, inverted: false },
      );
      for (const task of tasks) {
        const change = afterCancelling(task, clock());
        const saved = change && (await record(task, change));
        if (saved) cancelled.push(saved);
      }
      if (tasks.length < limit) break;
      olderThan = tasks.at(-1)?.id;
    }
    return cancelled;
  }
}

function wordsFor({ id, status }: VideoTask): string {
  const why =
    status === 'SUBMITTING' || status === 'UNCONFIRMED'
      ? 'its order is being sent, or its answer was lost'
      : 'only an order that was not sent yet can be cancelled; the vendor offers no way to cancel one';
  return `The task ${id} is ${status} and was not cancelled: ${why}.`;
}
