import type { Logger } from 'pino';
import type { TaskChange, VideoTask } from './task.ts';
import type { TaskSignals } from './task-signals.ts';
import type { TaskStore } from './task-store.ts';

/**
 * Saves a change if the task still has the version that was read; resolves to null where it has another one. All
 * changes are written here, so each is one conditional update, and only the update that succeeded tells the listeners.
 *
 * @throws TaskStateError when the change confirms an upstream id that was confirmed for another task.
 * @throws DatabaseUnavailableError
 */
export type RecordChange = (task: VideoTask, change: TaskChange) => Promise<VideoTask | null>;

/**
 * Called after a change was saved, with the task after it and before it. It must not throw. The change counts as
 * recorded once a promise that it returns has resolved.
 */
export type ChangeListener = (saved: VideoTask, before: VideoTask) => void | Promise<void>;

export const recorderFor =
  (store: Pick<TaskStore, 'update'>, listeners: readonly ChangeListener[]): RecordChange =>
  async (task, change) => {
    const saved = await store.update(task, change);
    if (saved) for (const listener of listeners) await listener(saved, task);
    return saved;
  };

/** Wakes the watchers of a task when its history has grown. No other change is visible to them. */
export const wakesWatchers =
  (signals: Pick<TaskSignals, 'publish'>): ChangeListener =>
  (saved, before) => {
    if (saved.history.length > before.history.length) signals.publish(saved.id);
  };

/** Writes a log line for each new status. */
export const logsStatus =
  (log: Logger): ChangeListener =>
  (saved, before) => {
    if (saved.status === before.status) return;
    const { id: taskId, status: to, failureCode } = saved;
    log.info({ taskId, from: before.status, to, failureCode }, 'task changed');
  };
