import type { VideoTask } from '../../tasks/task.ts';
import type { TaskStore } from '../../tasks/task-store.ts';
import type { Database } from '../database.ts';
import { RowCache } from './row-cache.ts';

/** What an entry of a task's history takes besides the upstream's word, roughly, in characters. */
const entryCharacters = 150;

/**
 * How long a task is used without a notice of its change. SQLite's data version changes with every write. PostgreSQL's
 * notifications tell only of changes that the history shows, and their connection may be dead.
 */
const ttlMs = { toldOfAll: 60_000, toldOfMost: 5_000 };

/** The characters of a task's texts. Images are not read with a task. */
function charactersOf(task: VideoTask): number {
  const texts = [task.prompt, task.failureMessage, task.upstreamStatus, task.videoUrl, task.repeatedAnswer];
  const entries = task.history.map(({ upstreamStatus }) => entryCharacters + (upstreamStatus?.length ?? 0));
  return [...texts.map((text) => text?.length ?? 0), ...entries].reduce((sum, length) => sum + length, 0);
}

/**
 * Wraps a store so that a task is read again only after it may have changed. All writes of this process go through the
 * wrapper.
 */
export function withCache(store: TaskStore, { epoch, notifications }: Pick<Database, 'epoch' | 'notifications'>) {
  const cache = new RowCache<VideoTask>(epoch, notifications ? ttlMs.toldOfMost : ttlMs.toldOfAll, charactersOf);
  // This listener is registered first, so that the cache forgets the task before a watcher is woken and reads it.
  notifications?.receive((id) => cache.forget(id));

  function keep(task: VideoTask): void {
    // The result of an older write may arrive after that of a newer one.
    if ((cache.peek(task.id)?.version ?? 0) < task.version) cache.keep(task.id, task);
  }

  /** Reads tasks with one statement. A result is not kept where its task was written during the read. */
  async function reread(ids: readonly string[]): Promise<VideoTask[]> {
    let reading: Promise<Map<string, VideoTask>> | undefined;
    const read = () => store.findMany(ids).then((rows) => new Map(rows.map((task) => [task.id, task])));
    const tasks = ids.map((id) => {
      cache.forget(id);
      return cache.load(id, async () => {
        reading ??= read();
        return (await reading).get(id) ?? null;
      });
    });
    return (await Promise.all(tasks)).filter((task) => task !== null);
  }

  // The tracker's tasks are not kept, because they are many and rarely read, and would displace the tasks that callers
  // read.
  function forgetAll(tasks: readonly VideoTask[]): void {
    for (const { id } of tasks) cache.forget(id);
  }

  const cached: TaskStore = {
    ...store,
    find: (id) => cache.load(id, () => store.find(id)),
    async list(filter, page) {
      const versions = await store.listVersions(filter, page);
      const known = new Map(versions.map(({ id }) => [id, cache.peek(id)]));
      const changed = versions.filter(({ id, version }) => known.get(id)?.version !== version);
      for (const task of await reread(changed.map(({ id }) => id))) known.set(task.id, task);
      const tasks = versions.flatMap(({ id, version }) => {
        const task = known.get(id);
        return task?.version === version ? task : [];
      });
      // A task that was written in between may no longer match the filter, so the page is read again.
      return tasks.length === versions.length ? tasks : store.list(filter, page);
    },
    async create(task) {
      const created = await store.create(task);
      if (created) keep(created);
      return created;
    },
    async update(task, change) {
      // The cached task is out of date, even if the update fails.
      const saved = await store.update(task, change).finally(() => cache.forget(task.id));
      if (saved) keep(saved);
      return saved;
    },
    async saveChecks(tasks) {
      await store.saveChecks(tasks).finally(() => forgetAll(tasks));
    },
    async claimDue(now, leasedUntil, limit) {
      const claimed = await store.claimDue(now, leasedUntil, limit);
      forgetAll(claimed);
      return claimed;
    },
  };
  return cached;
}
