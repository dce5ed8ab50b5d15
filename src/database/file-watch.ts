import { realpathSync, statSync } from 'node:fs';
import type { Logger } from 'pino';
import { DatabaseUnavailableError } from '../videos/errors.ts';
import type { TaskStore } from './task-store.ts';

/** What SQLite keeps beside its file as long as a connection is open: the newest writes, and who may read them. */
const companions = ['-wal', '-shm'];

/** Which file a name leads to; null where it leads to none that can be seen. */
function identityOf(path: string): string | null {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return null;
  }
}

/**
 * Tells whether the names of an open SQLite file still lead to it. SQLite goes on in a file that was removed, moved or
 * replaced, as every program does, and the next start finds nothing of what was written there.
 */
export function watchFile(path: string, log: Logger): () => string | null {
  const realPath = realpathSync(path);
  const names = [path, ...companions.map((companion) => `${realPath}${companion}`)];
  const opened = new Map(names.map((name) => [name, identityOf(name)]));
  let lost: string | undefined;

  return () => {
    const now = names.find((name) => identityOf(name) !== opened.get(name));
    if (now !== lost) {
      if (now === undefined) log.info('the database file is back, orders are taken again');
      else log.error({ file: now }, `${problem} ${advice}`);
      lost = now;
    }
    return now === undefined ? null : problem;
  };
}

const problem = 'The database file was removed, moved or replaced while it was open, so nothing is ordered.';
const advice =
  'Put it back under its name, or stop the service before anything else is done with the file: docs/reliability.md says what can be saved.';

/**
 * The same store, which takes no new task where the file has gone: its order would be paid, and forgotten at the next
 * start. The file is looked at before the row is written, so that no row takes the key of an order that is refused, and
 * after it, which is just before the paid call.
 */
export function withFileWatch(store: TaskStore, fileProblem: () => string | null): TaskStore {
  function check(): void {
    const found = fileProblem();
    if (found !== null) throw new DatabaseUnavailableError(new Error(found));
  }
  return {
    ...store,
    async create(task) {
      check();
      const created = await store.create(task);
      check();
      return created;
    },
  };
}
