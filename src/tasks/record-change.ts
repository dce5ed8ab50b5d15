import type { Logger } from 'pino';
import type { TaskChange, VideoTask } from './task.ts';
import type { TaskSignals } from './task-signals.ts';
import type { TaskStore } from './task-store.ts';

/**
 * Saves a change if the task is still in the version that was read; null where it is not. It is the only writer of
 * changes, so that each is one conditional update and only its winner tells the listeners.
 *
 * @throws TaskStateError when the change confirms an upstream id that was confirmed for another task.
 * @throws DatabaseUnavailableError
 */
export type RecordChange = (task: VideoTask, change: TaskChange) => Promise<VideoTask | null>;

/** Hears of a change that was saved: the task as it is now, and as it was. It must not throw. */
export type ChangeListener = (saved: VideoTask, before: VideoTask) => void;

export const recorderFor =
  (store: Pick<TaskStore, 'update'>, listeners: readonly ChangeListener[]): RecordChange =>
  async (task, change) => {
    const saved = await store.update(task, change);
    if (saved) for (const listener of listeners) listener(saved, task);
    return saved;
  };

/** Wakes those who watch the task where its history has grown, because nothing else shows. */
export const wakesWatchers =
  (signals: Pick<TaskSignals, 'publish'>): ChangeListener =>
  (saved, before) => {
    if (saved.history.length > before.history.length) signals.publish(saved.id);
  };

/** Writes a line for each new status. */
export const logsStatus =
  (log: Logger): ChangeListener =>
  (saved, before) => {
    if (saved.status === before.status) return;
    const { id: taskId, status: to, failureCode } = saved;
    log.info({ taskId, from: before.status, to, failureCode }, 'task changed');
  };
