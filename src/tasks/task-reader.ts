import { validate as isUuid } from 'uuid';
import { modelNames } from '../catalogue/models.ts';
import type { ReferenceImage } from '../catalogue/reference-image.ts';
import { TaskNotFoundError } from '../errors.ts';
import { isTerminal, taskStatuses, type VideoTask } from './task.ts';
import type { TaskCount, TaskFilter, TaskPage } from './task-filter.ts';
import type { TaskSignals } from './task-signals.ts';
import type { TaskStore } from './task-store.ts';

/** On whose behalf tasks are read. */
export interface Viewer {
  /** The client whose tasks are seen. */
  readonly client: string;
  /** Whether the tasks of all other clients are seen as well. */
  readonly seesAll: boolean;
}

/** What readers read from. */
export interface TaskSources {
  readonly store: TaskStore;
  readonly signals: Pick<TaskSignals, 'subscribe'>;
  /** Ends all watches when the service stops. */
  readonly stopping: AbortSignal;
  /** After how long without a signal a watch reads the row again, because a signal can be lost. */
  readonly rereadMs: number;
}

/** How many resubmissions of a task are shown. */
export const maxResubmissions = 20;

/** How many tasks are counted in each state at most. */
export const maxCount = 10_000;

const statusCount = Object.keys(taskStatuses).length;

/**
 * Reads tasks on behalf of one viewer. It is the only way to read them for a request, so that no resolver can forget
 * whose tasks may be seen. All methods throw DatabaseUnavailableError.
 */
export class TaskReader {
  readonly #sources: TaskSources;
  readonly #viewer: Viewer;

  constructor(sources: TaskSources, viewer: Viewer) {
    this.#sources = sources;
    this.#viewer = viewer;
  }

  /** The task with this id; null where there is none, or it is not to be seen. What is no UUID is not looked for. */
  async find(id: string): Promise<VideoTask | null> {
    const task = isUuid(id) ? await this.#sources.store.find(id) : null;
    return task && this.#sees(task) ? task : null;
  }

  /** @throws TaskNotFoundError when there is no such task, or it is not to be seen. */
  async findExisting(id: string): Promise<VideoTask> {
    const task = await this.find(id);
    if (!task) throw new TaskNotFoundError(id);
    return task;
  }

  /** The tasks with these ids, by id, all read at once. */
  async findMany(ids: readonly string[]): Promise<ReadonlyMap<string, VideoTask>> {
    const sought = [...new Set(ids.filter((id) => isUuid(id)))];
    const tasks = sought.length > 0 ? await this.#sources.store.findMany(sought) : [];
    return new Map(tasks.filter((task) => this.#sees(task)).map((task) => [task.id, task]));
  }

  /** A page of the tasks that meet the filter. */
  list(filter: TaskFilter, page: TaskPage): Promise<VideoTask[]> {
    return this.#sources.store.list(this.#narrowed(filter), page);
  }

  /** How many of the tasks that meet the filter are in each of its states, up to `maxCount`. */
  count(filter: TaskFilter): Promise<TaskCount[]> {
    return this.#sources.store.count(this.#narrowed(filter), maxCount);
  }

  /** How many combinations of values a list is put together from, because each is looked up in an index by itself. */
  combinationsIn({ ids, clients, statuses, models }: TaskFilter): number {
    if (ids) return 1;
    const chosen = (values: readonly string[] | undefined, all: number) => (values ? new Set(values).size : all);
    const byOrder = statuses || models ? chosen(statuses, statusCount) * chosen(models, modelNames.length) : 1;
    return (this.#viewer.seesAll ? chosen(clients, 1) : 1) * byOrder;
  }

  /** The newest tasks that repeat the order of a task, `maxResubmissions` at most. */
  listResubmissions(id: string): Promise<VideoTask[]> {
    const { client, seesAll } = this.#viewer;
    return this.#sources.store.listResubmissions(id, seesAll ? undefined : client, maxResubmissions);
  }

  /** The reference images of a task that was read, in the order's order. */
  referenceImagesOf({ id, mode }: Pick<VideoTask, 'id' | 'mode'>): Promise<readonly ReferenceImage[]> {
    return mode === 'TEXT_TO_VIDEO' ? Promise.resolve([]) : this.#sources.store.findReferenceImages(id);
  }

  /**
   * The task as it is, then again after each change, until it has ended, `left` aborts or the service stops; null where
   * the row was read again and nothing had changed.
   *
   * @throws TaskNotFoundError when there is no such task, or it is not to be seen.
   */
  async *watch(id: string, left: AbortSignal, rereadMs = this.#sources.rereadMs): AsyncGenerator<VideoTask | null> {
    const { signals, stopping } = this.#sources;
    let wakeUp = () => {};
    const onSignal = () => wakeUp();
    const unsubscribe = signals.subscribe(id, onSignal);
    left.addEventListener('abort', onSignal);
    try {
      for (let seenChanges = -1; !left.aborted && !stopping.aborted; ) {
        // Made before the row is read, so that a signal that comes meanwhile is not missed.
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

  /** The filter, narrowed to the tasks that may be seen. */
  #narrowed(filter: TaskFilter): TaskFilter {
    const { client, seesAll } = this.#viewer;
    if (seesAll) return filter;
    return { ...filter, clients: filter.clients && !filter.clients.includes(client) ? [] : [client] };
  }
}
