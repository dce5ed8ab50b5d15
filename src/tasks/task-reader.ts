import { validate as isUuid } from 'uuid';
import { modelNames } from '../catalogue/models.ts';
import type { ReferenceImage } from '../catalogue/reference-image.ts';
import { TaskNotFoundError } from '../errors.ts';
import { isTerminal, taskStatuses, type VideoTask } from './task.ts';
import type { TaskCount, TaskFilter, TaskPage } from './task-filter.ts';
import type { TaskSignals } from './task-signals.ts';
import type { TaskStore } from './task-store.ts';

/** The client for which tasks are read. */
export interface Viewer {
  /** Tasks of this client may be read. */
  readonly client: string;
  /** Whether the tasks of all other clients may be read too. */
  readonly seesAll: boolean;
}

/** What all readers share. */
export interface TaskSources {
  readonly store: TaskStore;
  readonly signals: Pick<TaskSignals, 'subscribe'>;
  /** Aborts when the service stops, which ends all watches. */
  readonly stopping: AbortSignal;
  /** After how long without a signal a watch reads the row again, because a signal can be lost. */
  readonly rereadMs: number;
}

/** How many resubmissions of a task are returned at most. */
export const maxResubmissions = 20;

/** Where counting the tasks of one status stops. */
export const maxCount = 10_000;

const statusCount = Object.keys(taskStatuses).length;

/**
 * Reads tasks for one viewer. A request can read tasks in no other way, so no resolver can return a task that its
 * caller may not see. All methods throw DatabaseUnavailableError.
 */
export class TaskReader {
  readonly #sources: TaskSources;
  readonly #viewer: Viewer;

  constructor(sources: TaskSources, viewer: Viewer) {
    this.#sources = sources;
    this.#viewer = viewer;
  }

  /**
   * The task with this id; null where there is none or the viewer may not see it. A text that is not a UUID costs no
   * query.
   */
  async find(id: string): Promise<VideoTask | null> {
    const task = isUuid(id) ? await this.#sources.store.find(id) : null;
    return task && this.#sees(task) ? task : null;
  }

  /** @throws TaskNotFoundError when there is no such task or the viewer may not see it. */
  async findExisting(id: string): Promise<VideoTask> {
    const task = await this.find(id);
    if (!task) throw new TaskNotFoundError(id);
    return task;
  }

  /** The visible tasks among these ids, by id, read with one query. */
  async findMany(ids: readonly string[]): Promise<ReadonlyMap<string, VideoTask>> {
    const sought = [...new Set(ids.filter((id) => isUuid(id)))];
    const tasks = sought.length > 0 ? await this.#sources.store.findMany(sought) : [];
    return new Map(tasks.filter((task) => this.#sees(task)).map((task) => [task.id, task]));
  }

  /** A page of the visible tasks that match the filter. */
  list(filter: TaskFilter, page: TaskPage): Promise<VideoTask[]> {
    return this.#sources.store.list(this.#narrowed(filter), page);
  }

  /** How many visible tasks match the filter, by status, each counted up to `maxCount`. */
  count(filter: TaskFilter): Promise<TaskCount[]> {
    return this.#sources.store.count(this.#narrowed(filter), maxCount);
  }

  /**
   * How many combinations of client, status and model a filter selects. The database looks each of them up in an index
   * by itself, so this measures the cost of a list.
   */
  combinationsIn({ ids, clients, statuses, models }: TaskFilter): number {
    if (ids) return 1;
    const chosen = (values: readonly string[] | undefined, all: number) => (values ? new Set(values).size : all);
    const byOrder = statuses || models ? chosen(statuses, statusCount) * chosen(models, modelNames.length) : 1;
    return (this.#viewer.seesAll ? chosen(clients, 1) : 1) * byOrder;
  }

  /** The visible tasks that repeat the order of this task, the newest first, `maxResubmissions` at most. */
  listResubmissions(id: string): Promise<VideoTask[]> {
    const { client, seesAll } = this.#viewer;
    return this.#sources.store.listResubmissions(id, seesAll ? undefined : client, maxResubmissions);
  }

  /** The reference images of a task, in the order in which they were ordered. */
  referenceImagesOf({ id, mode }: Pick<VideoTask, 'id' | 'mode'>): Promise<readonly ReferenceImage[]> {
    return mode === 'TEXT_TO_VIDEO' ? Promise.resolve([]) : this.#sources.store.findReferenceImages(id);
  }

  /**
   * Yields the task, then yields it again after each change, until it has ended, `left` aborts or the service stops.
   * Yields null when a reread found no change.
   *
   * @throws TaskNotFoundError when there is no such task or the viewer may not see it.
   */
  async *watch(id: string, left: AbortSignal, rereadMs = this.#sources.rereadMs): AsyncGenerator<VideoTask | null> {
    const { signals, stopping } = this.#sources;
    let wakeUp = () => {};
    const onSignal = () => wakeUp();
    const unsubscribe = signals.subscribe(id, onSignal);
    left.addEventListener('abort', onSignal);
    try {
      for (let seenChanges = -1; !left.aborted && !stopping.aborted; ) {
        // The promise is made before the row is read, so that a signal that arrives during the read is not missed.
        const woken = new Promise<void>((resolve) => {
          wakeUp = resolve;
        });
        const task = await this.findExisting(id);
        yield task.history.length > seenChanges ? task : null;
        if (isTerminal(task)) return;
        seenChanges = task.history.length;
        const reread = setTimeout(wakeUp, rereadMs);
        await woken;
        clearTimeout(reread);
      }
    } finally {
      unsubscribe();
      left.removeEventListener('abort', onSignal);
    }
  }

  #sees({ client }: VideoTask): boolean {
    return this.#viewer.seesAll || client === this.#viewer.client;
  }

  /** The filter, limited to the tasks that the viewer may see. */
  #narrowed(filter: TaskFilter): TaskFilter {
    const { client, seesAll } = this.#viewer;
    if (seesAll) return filter;
    return { ...filter, clients: filter.clients && !filter.clients.includes(client) ? [] : [client] };
  }
}
