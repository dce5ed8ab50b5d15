import type { Services } from './services.ts';
import type { VideoTask } from './task.ts';

/** How long checks are collected before they are written. */
const collectMs = 100;

/** No statement is so long that others wait for it: on SQLite the whole process does. */
const maxTasksAtOnce = 500;

/** Writes the checks that brought nothing new, which are nearly all of them and which nobody waits for, many at once. */
export class QuietChecks {
  readonly #services: Services;
  readonly #collected: VideoTask[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing = Promise.resolve();

  constructor(services: Services) {
    this.#services = services;
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
    const { store, log } = this.#services;
    while (this.#collected.length > 0) {
      const tasks = this.#collected.splice(0, maxTasksAtOnce);
      // Their leases run out and they come round again.
      await store
        .saveChecks(tasks)
        .catch((err: unknown) => log.error({ tasks: tasks.length, err }, 'checks could not be recorded'));
    }
  }
}
