import { realpathSync, statSync } from 'node:fs';
import type { Logger } from 'pino';
import { DatabaseUnavailableError } from '../../errors.ts';
import type { TaskStore } from '../../tasks/task-store.ts';

/** What SQLite keeps beside its file as long as a connection is open: the newest writes, and who may read them. */
const companions = ['-wal', '-shm'];

interface Seen {
  /** Which file a name leads to; null where it leads to none that can be seen. */
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
 * Tells whether the names of an open SQLite file still lead to it, and whether the file is still what SQLite has written.
 * SQLite goes on in a file that was removed, moved or replaced, as every program does, and the next start finds nothing of
 * what was written there. It never makes its file smaller, but for VACUUM: one that is smaller was overwritten, and stays
 * lost, because the next writes make it as large again, and no better.
 */
export function watchFile(path: string, log: Logger): () => string | null {
  const realPath = realpathSync(path);
  const names = [path, ...companions.map((companion) => `${realPath}${companion}`)];
  const opened = new Map(names.map((name) => [name, look(name).identity]));
  let greatestBytes = look(path).sizeBytes;
  let overwritten = false;
  let told: string | null = null;

  function problemNow(): string | null {
    if (names.some((name) => look(name).identity !== opened.get(name))) return gone;
    const { sizeBytes } = look(path);
    overwritten ||= sizeBytes < greatestBytes;
    greatestBytes = sizeBytes;
    return overwritten ? smaller : null;
  }

  return () => {
    const problem = problemNow();
    if (problem !== told) {
      if (problem === null) log.info('the database file is back, orders are taken again');
      else log.error({ file: path }, `${problem} ${advice}`);
      told = problem;
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
