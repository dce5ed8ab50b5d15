import { TaskStateError } from '../errors.ts';
import type { Clock } from '../tasks/moment.ts';
import { afterAbandonment, afterConfirmation } from '../tasks/order-transitions.ts';
import type { RecordChange } from '../tasks/record-change.ts';
import type { TaskChange, VideoTask } from '../tasks/task.ts';
import type { TaskReader, Viewer } from '../tasks/task-reader.ts';
import type { TaskStore } from '../tasks/task-store.ts';

export interface UnconfirmedDependencies {
  readonly store: Pick<TaskStore, 'findByUpstreamId'>;
  readonly readerFor: (viewer: Viewer) => Pick<TaskReader, 'findExisting'>;
  readonly record: RecordChange;
  readonly clock: Clock;
}

/** Settles UNCONFIRMED tasks by what a person found in the vendor's console. */
export class UnconfirmedOrders {
  readonly #with: UnconfirmedDependencies;

  constructor(dependencies: UnconfirmedDependencies) {
    this.#with = dependencies;
  }

  /** Records the upstream id of the order. Throws what `Orders.confirm` throws. */
  async confirm(viewer: Viewer, id: string, upstreamId: string): Promise<VideoTask> {
    const { readerFor, store, clock } = this.#with;
    for (;;) {
      const task = await readerFor(viewer).findExisting(id);
      // An earlier or a concurrent request has confirmed it.
      if (task.upstreamId === upstreamId) return task;
      const change = afterConfirmation(task, upstreamId, clock());
      const owner = change && (await store.findByUpstreamId(upstreamId));
      if (owner && owner.id !== id)
        throw new TaskStateError(`The upstream's task ${upstreamId} already belongs to another task.`);
      const saved = await this.#recordIfUnconfirmed(task, change);
      if (saved) return saved;
    }
  }

  /** Gives the task up. Throws what `Orders.abandon` throws. */
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
