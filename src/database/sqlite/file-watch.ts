import { realpathSync, statSync } from 'node:fs';
import type { Logger } from 'pino';
import { DatabaseUnavailableError } from '../../errors.ts';
import type { TaskStore } from '../../tasks/task-store.ts';

/** The files that SQLite keeps beside an open database: the newest writes, and an index of them. */
const companions = ['-wal', '-shm'];

interface Seen {
  /** Device and inode of the file that has this name; null where there is none. */
  readonly identity: string | null;
  readonly sizeBytes: bigint;
}

function look(path: string): Seen {
  try {
    const { dev, ino, size } = statSync(path, { bigint: true });
    return { identity: `${dev}:${ino}`, sizeBytes: size };
  } catch {
    return { identity: null, sizeBytes: 0n };
  }
}

/**
 * Returns a function that checks an open SQLite file: null while it is intact, otherwise what happened to it.
 *
 * SQLite keeps writing to a file that was removed, moved or replaced, and the next start does not find those writes.
 * SQLite makes its file smaller only in a VACUUM, so a file that became smaller was overwritten. That is remembered,
 * because later writes make the file larger again but not whole.
 */
export function watchFile(path: string, log: Logger): () => string | null {
  const realPath = realpathSync(path);
  const names = [path, ...companions.map((companion) => `${realPath}${companion}`)];
  const opened = new Map(names.map((name) => [name, look(name).identity]));
  let greatestBytes = look(path).sizeBytes;
  let overwritten = false;
  let reported: string | null = null;

  function problemNow(): string | null {
    if (names.some((name) => look(name).identity !== opened.get(name))) return gone;
    const { sizeBytes } = look(path);
    overwritten ||= sizeBytes < greatestBytes;
    greatestBytes = sizeBytes;
    return overwritten ? smaller : null;
  }

  return () => {
    const problem = problemNow();
    if (problem !== reported) {
      if (problem === null) log.info('the database file is back, orders are taken again');
      else log.error({ file: path }, `${problem} ${advice}`);
      reported = problem;
    }
    return problem;
  };
}

const gone = 'The database file was removed, moved or replaced while it was open, so nothing is ordered.';
const smaller =
  'The database file became smaller while it was open, as one that is overwritten does, so nothing is ordered.';
const advice =
  'Put it back under its name, or stop the service before anything else is done with the file: docs/reliability.md says what can be saved.';

/**
 * Wraps a store so that it refuses new tasks, and to send those that wait, once the file is not intact: such an order
 * would be paid, and lost at the next start; or it waits in the file that has taken the place, too, and would be sent
 * from both. The file is checked before the row is written, so that a refused order leaves no row with its key, and after
 * it, just before the paid call.
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
    async update(task, change) {
      if (change.status !== 'SUBMITTING') return store.update(task, change);
      check();
      const saved = await store.update(task, change);
      check();
      return saved;
    },
  };
}
