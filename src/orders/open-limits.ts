import type { TaskStatus, VideoTask } from '../tasks/task.ts';
import type { TaskStore } from '../tasks/task-store.ts';

/** The states in which a task is open at the upstream, or may be. */
const openStatuses: readonly TaskStatus[] = ['SUBMITTING', 'QUEUED', 'PROCESSING'];

/** Limits how many tasks are open at the upstream: of all clients together, and of a client whose key says so. */
export class OpenLimits {
  readonly #store: Pick<TaskStore, 'count'>;
  readonly #maxOpen: number | null;

  /** Null for no limit of all clients together. */
  constructor(store: Pick<TaskStore, 'count'>, maxOpen: number | null) {
    this.#store = store;
    this.#maxOpen = maxOpen;
  }

  /**
   * The limit that is reached where `more` tasks are opened beside those that are; null where none is. A task that is
   * open already counts itself.
   */
  async reached(
    { client, maxOpen }: Pick<VideoTask, 'client' | 'maxOpen'>,
    more: 0 | 1,
  ): Promise<'MAX_OPEN' | 'CLIENT_MAX_OPEN' | null> {
    if (this.#maxOpen !== null && (await this.#count(this.#maxOpen)) + more > this.#maxOpen) return 'MAX_OPEN';
    if (maxOpen !== null && (await this.#count(maxOpen, client)) + more > maxOpen) return 'CLIENT_MAX_OPEN';
    return null;
  }

  /** How many tasks are open, counted a little further than the limit. */
  async #count(limit: number, client?: string): Promise<number> {
    const filter = { statuses: openStatuses, ...(client !== undefined && { clients: [client] }) };
    const counts = await this.#store.count(filter, limit + 1);
    return counts.reduce((sum, { count }) => sum + count, 0);
  }
}
