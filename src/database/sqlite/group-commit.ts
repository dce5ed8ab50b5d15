import type { SqlDriverAdapter, SqlQuery } from '@prisma/driver-adapter-utils';
import type { Database } from 'better-sqlite3';

type Connection = Pick<SqlDriverAdapter, 'queryRaw' | 'executeRaw'>;

/** Runs a statement. It runs at once, although the driver's methods return promises. */
type Run = () => Promise<unknown>;

const statement = (sql: string): SqlQuery => ({ sql, args: [], argTypes: [] });

/**
 * Wraps the driver's methods so that writes that arrive together share one durable commit, because a commit waits for
 * the disk longer than everything else takes, and blocks this process meanwhile. Each write is still a statement of its
 * own, so a refused one does not affect the others. A write resolves when it is on the disk.
 */
export function withGroupCommit(connection: Connection, client: Database): Connection {
  const queryRaw = connection.queryRaw.bind(connection);
  const executeRaw = connection.executeRaw.bind(connection);
  let waiting: { run: Run; settle: (result: Promise<unknown>) => void }[] = [];

  function commitAll(): void {
    const group = waiting;
    waiting = [];
    const results = group.length === 1 ? group.map(({ run }) => run()) : runTogether(group.map(({ run }) => run));
    for (const [index, { settle }] of group.entries()) settle(results[index] as Promise<unknown>);
  }

  /** Runs without an interruption, so that no other statement gets into the transaction. */
  function runTogether(runs: readonly Run[]): Promise<unknown>[] {
    const results: Promise<unknown>[] = [executeRaw(statement('BEGIN IMMEDIATE'))];
    for (const run of runs) {
      // Some errors, such as a full disk, make SQLite end the transaction itself; the statements before are lost then.
      if (client.inTransaction) results.push(run());
    }
    const ended = client.inTransaction ? executeRaw(statement('COMMIT')) : results.at(-1);
    if (client.inTransaction) client.exec('ROLLBACK');
    const [, ...own] = results;
    return runs.map((_, index) => Promise.all([own[index], ended]).then(([result]) => result));
  }

  function together<Result>(run: () => Promise<Result>): Promise<Result> {
    if (waiting.length === 0) setImmediate(commitAll);
    const { promise, resolve } = Promise.withResolvers<unknown>();
    waiting.push({ run, settle: resolve });
    return promise as Promise<Result>;
  }

  return {
    queryRaw: (query) => (writes(client, query) ? together(() => queryRaw(query)) : queryRaw(query)),
    executeRaw: (query) => (writes(client, query) ? together(() => executeRaw(query)) : executeRaw(query)),
  };
}

function writes(client: Database, { sql }: SqlQuery): boolean {
  try {
    return !client.prepare(sql).readonly;
  } catch {
    // An invalid statement goes to the driver, which reports what is wrong.
    return false;
  }
}
