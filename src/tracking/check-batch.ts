import type { Logger } from 'pino';
import type { VideoTask } from '../tasks/task.ts';
import type { TaskStore } from '../tasks/task-store.ts';

/** How long checks are collected before they are written. */
const collectMs = 100;

/** No statement is so long that others wait for it: on SQLite the whole process does. */
const maxTasksAtOnce = 500;

/** Writes the checks that brought nothing new, which are nearly all of them and which no caller waits for, many at once. */
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

  /** Takes a task as it is after its check, in the version that was checked. */
  add(task: VideoTask): void {
    this.#collected.push(task);
    this.#timer ??= setTimeout(() => void this.flush(), collectMs);
  }

  /** Resolves when everything that has been added is written, as far as the database does it. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#writeAll());
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#collected.length > 0) {
      const tasks = this.#collected.splice(0, maxTasksAtOnce);
      // Where they are not written, their leases run out and they come round again.
      await this.#store
        .saveChecks(tasks)
        .catch((err: unknown) => this.#log.error({ tasks: tasks.length, err }, 'checks could not be recorded'));
    }
  }
}
