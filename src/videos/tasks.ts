import { validate as isUuid } from 'uuid';
import { type Client, maySee } from './client.ts';
import { TaskNotFoundError } from './errors.ts';
import { modelNames } from './models.ts';
import type { Services } from './services.ts';
import { isTerminal, type TaskChange, taskStatuses, type VideoTask } from './task.ts';
import type { TaskCount, TaskFilter, TaskPage } from './task-filter.ts';

const statusCount = Object.keys(taskStatuses).length;

/** Saves a change if the task is still as it was read; null where it is not. Watchers hear of what the history shows. */
export async function recordChange(
  { store, pubsub, log }: Services,
  task: VideoTask,
  change: TaskChange,
): Promise<VideoTask | null> {
  const saved = await store.update(task, change);
  if (!saved) return null;
  if (saved.history.length > task.history.length) pubsub.publish(saved.id);
  if (saved.status !== task.status) {
    log.info({ taskId: saved.id, from: task.status, to: saved.status, failureCode: saved.failureCode }, 'task changed');
  }
  return saved;
}

/**
 * The task with this id; null where there is none, or none of the client's. An id is a UUID: nothing else is worth a
 * look into the database.
 */
export async function findTask({ store }: Services, client: Client, id: string): Promise<VideoTask | null> {
  const task = isUuid(id) ? await store.find(id) : null;
  return task && maySee(client, task) ? task : null;
}

/** Those of the client's tasks that have these ids, by id; read at once. */
export async function findTasks(
  { store }: Services,
  client: Client,
  ids: readonly string[],
): Promise<ReadonlyMap<string, VideoTask>> {
  const sought = [...new Set(ids.filter((id) => isUuid(id)))];
  const tasks = sought.length > 0 ? await store.findMany(sought) : [];
  return new Map(tasks.filter((task) => maySee(client, task)).map((task) => [task.id, task]));
}

/** The client's tasks, and of those the ones that meet the filter. */
export async function listTasks(
  { store }: Services,
  client: Client,
  filter: TaskFilter,
  page: TaskPage,
): Promise<VideoTask[]> {
  return store.list(ownFilter(client, filter), page);
}

/** So many tasks are counted in each state at most. */
export const maxCount = 10_000;

/** How many of the client's tasks that meet the filter are in each of its states, up to `maxCount`. */
export const countTasks = ({ store }: Services, client: Client, filter: TaskFilter): Promise<TaskCount[]> =>
  store.count(ownFilter(client, filter), maxCount);

/** The filter, narrowed to the tasks that the client may see. */
function ownFilter(client: Client, filter: TaskFilter): TaskFilter {
  if (client.seesAll) return filter;
  const isMeant = !filter.clients || filter.clients.includes(client.name);
  return { ...filter, clients: isMeant ? [client.name] : [] };
}

/** How many combinations of values a list is put together from; each is looked up in an index by itself. */
export function combinationsIn(client: Client, { ids, clients, statuses, models }: TaskFilter): number {
  if (ids) return 1;
  const chosen = (values: readonly string[] | undefined, all: number) => (values ? new Set(values).size : all);
  const byOrder = statuses || models ? chosen(statuses, statusCount) * chosen(models, modelNames.length) : 1;
  return (client.seesAll ? chosen(clients, 1) : 1) * byOrder;
}

/** How many resubmissions of a task are shown. */
export const maxResubmissions = 20;

/** The client's newest tasks that repeat the order of a task. */
export const listResubmissions = ({ store }: Services, client: Client, id: string): Promise<VideoTask[]> =>
  store.listResubmissions(id, client.seesAll ? undefined : client.name, maxResubmissions);

/** @throws TaskNotFoundError when there is no such task, or it is not the client's. */
export async function findExisting(services: Services, client: Client, id: string): Promise<VideoTask> {
  const task = await findTask(services, client, id);
  if (!task) throw new TaskNotFoundError(id);
  return task;
}

/**
 * The task as it is, then again after each change, until it has ended or one of the two sides leaves; null where it was
 * looked at for nothing.
 *
 * @throws TaskNotFoundError when there is no such task, or it is not the client's.
 */
export async function* watchTask(
  services: Services,
  client: Client,
  id: string,
  left: AbortSignal,
  rereadMs = services.rereadMs,
): AsyncGenerator<VideoTask | null> {
  let wakeUp = () => {};
  const hint = () => wakeUp();
  const unsubscribe = services.pubsub.subscribe(id, hint);
  left.addEventListener('abort', hint);
  try {
    for (let seenChanges = -1; !left.aborted && !services.stopping.aborted; ) {
      // Made before the row is read, so that a hint that comes meanwhile is not missed.
      const woken = new Promise<void>((resolve) => {
        wakeUp = resolve;
      });
      const task = await findExisting(services, client, id);
      yield task.history.length > seenChanges ? task : null;
      if (isTerminal(task)) return;
      seenChanges = task.history.length;
      const reread = setTimeout(wakeUp, rereadMs);
      await woken;
      clearTimeout(reread);
    }
  } finally {
    unsubscribe();
    left.removeEventListener('abort', hint);
  }
}
