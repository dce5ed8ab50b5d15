import type { VideoTask } from '../../tasks/task.ts';
import type { TaskStore } from '../../tasks/task-store.ts';
import type { Database } from '../database.ts';
import { RowCache } from './row-cache.ts';

/** About what an entry of a task's history takes besides the upstream's word, in characters. */
const entryCharacters = 150;

/** A file tells of every write. Over a network one hears of what shows in the history, and a connection may be dead. */
const ttlMs = { toldOfAll: 60_000, toldOfMost: 5_000 };

/** What a task's texts take; its images are not among what is read of it. */
function charactersOf(task: VideoTask): number {
  const texts = [task.prompt, task.failureMessage, task.upstreamStatus, task.videoUrl, task.repeatedAnswer];
  const entries = task.history.map(({ upstreamStatus }) => entryCharacters + (upstreamStatus?.length ?? 0));
  return [...texts.map((text) => text?.length ?? 0), ...entries].reduce((sum, length) => sum + length, 0);
}

/** The same store, which reads a task again only where it may have changed: every write goes through it. */
export function withCache(store: TaskStore, { epoch, notifications }: Pick<Database, 'epoch' | 'notifications'>) {
  const cache = new RowCache<VideoTask>(epoch, notifications ? ttlMs.toldOfMost : ttlMs.toldOfAll, charactersOf);
  // Heard before anybody is woken by it, who looks at once.
  notifications?.receive((id) => cache.forget(id));

  function keep(task: VideoTask): void {
    // Of two writes close to each other, the older one's result may come last.
    if ((cache.peek(task.id)?.version ?? 0) < task.version) cache.keep(task.id, task);
  }

  /** With one statement. A read that a write has overtaken is kept here no more than any other. */
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

  // The tracker's tasks are many, and hardly any of them is being asked for: kept, they would crowd out those that are.
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
      // One that was written in between may belong on the list no longer.
      return tasks.length === versions.length ? tasks : store.list(filter, page);
    },
    async create(task) {
      const created = await store.create(task);
      if (created) keep(created);
      return created;
    },
    async update(task, change) {
      // Whatever comes of it, what is known of the task is the past.
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
