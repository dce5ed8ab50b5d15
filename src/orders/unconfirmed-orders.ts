import { TaskStateError } from '../errors.ts';
import type { Clock } from '../tasks/moment.ts';
import type { RecordChange } from '../tasks/record-change.ts';
import type { TaskChange, VideoTask } from '../tasks/task.ts';
import type { TaskReader, Viewer } from '../tasks/task-reader.ts';
import type { TaskStore } from '../tasks/task-store.ts';
import { afterAbandonment, afterConfirmation } from '../tasks/transitions.ts';

export interface UnconfirmedDependencies {
  readonly store: Pick<TaskStore, 'findByUpstreamId'>;
  readonly readerFor: (viewer: Viewer) => Pick<TaskReader, 'findExisting'>;
  readonly record: RecordChange;
  readonly clock: Clock;
}

/** What becomes of orders whose answer was lost, by the word of those who have looked them up. */
export class UnconfirmedOrders {
  readonly #with: UnconfirmedDependencies;

  constructor(dependencies: UnconfirmedDependencies) {
    this.#with = dependencies;
  }

  /** The order was found with the vendor, as `upstreamId`. Throws what `Orders.confirm` throws. */
  async confirm(viewer: Viewer, id: string, upstreamId: string): Promise<VideoTask> {
    const { readerFor, store, clock } = this.#with;
    for (;;) {
      const task = await readerFor(viewer).findExisting(id);
      // Confirmed before, or at the same time by another request.
      if (task.upstreamId === upstreamId) return task;
      const change = afterConfirmation(task, upstreamId, clock());
      const owner = change && (await store.findByUpstreamId(upstreamId));
      if (owner && owner.id !== id)
        throw new TaskStateError(`The upstream's task ${upstreamId} already belongs to another task.`);
      const saved = await this.#recordIfUnconfirmed(task, change);
      if (saved) return saved;
    }
  }

  /** The order is not waited for any longer. Throws what `Orders.abandon` throws. */
  async abandon(viewer: Viewer, id: string): Promise<VideoTask> {
    const { readerFor, clock } = this.#with;
    for (;;) {
      const task = await readerFor(viewer).findExisting(id);
      const saved = await this.#recordIfUnconfirmed(task, afterAbandonment(task, clock()));
      if (saved) return saved;
    }
  }

  #recordIfUnconfirmed(task: VideoTask, change: TaskChange | null): Promise<VideoTask | null> {
    if (change) return this.#with.record(task, change);
    throw new TaskStateError(`The task ${task.id} is ${task.status}, not UNCONFIRMED; nothing was changed.`);
  }
}
