import type { Logger } from 'pino';
import type { VideoTask } from '../tasks/task.ts';
import type { TaskStore } from '../tasks/task-store.ts';

/** How long checks are collected before one statement writes them. */
const collectMs = 100;

/** The most tasks in one statement. A longer one would make others wait, and on SQLite the whole process. */
const maxTasksAtOnce = 500;

/**
 * Writes checks that brought nothing new, many in one statement. Most checks are such, and no caller waits for them.
 */
export class CheckBatch {
  readonly #store: Pick<TaskStore, 'saveChecks'>;
  readonly #log: Logger;
  readonly #collected: VideoTask[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing = Promise.resolve();

  constructor(store: Pick<TaskStore, 'saveChecks'>, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** Adds a task with the values after its check and the version before it. */
  add(task: VideoTask): void {
    this.#collected.push(task);
    this.#timer ??= setTimeout(() => void this.flush(), collectMs);
  }

  /** Writes what was added. Resolves when that has been written or has failed. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#writeAll());
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#collected.length > 0) {
      const tasks = this.#collected.splice(0, maxTasksAtOnce);
      // If the write fails, the leases end and the tasks are claimed and checked again.
      await this.#store
        .saveChecks(tasks)
        .catch((err: unknown) => this.#log.error({ tasks: tasks.length, err }, 'checks could not be recorded'));
    }
  }
}
