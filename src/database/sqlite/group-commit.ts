import type { SqlDriverAdapter, SqlQuery } from '@prisma/driver-adapter-utils';
import type { Database } from 'better-sqlite3';

type Connection = Pick<SqlDriverAdapter, 'queryRaw' | 'executeRaw'>;

/** Runs a statement, at once: the driver's methods are async in form only. */
type Run = () => Promise<unknown>;

const statement = (sql: string): SqlQuery => ({ sql, args: [], argTypes: [] });

/**
 * The driver's methods, with one durable commit for all the writes that come together, as a server's database does it:
 * to wait for the disk takes longer than all else, and this process stands still meanwhile. Each write is still a
 * statement of its own: one that is refused leaves the others alone. It is answered when it is on the disk.
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

  /** From here to its end nothing else can run, so that nothing gets into the transaction that is not meant to be. */
  function runTogether(runs: readonly Run[]): Promise<unknown>[] {
    const results: Promise<unknown>[] = [executeRaw(statement('BEGIN IMMEDIATE'))];
    for (const run of runs) {
      // A full disk, for one, ends the transaction by itself, and what came before is lost with it.
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
    // What is wrong with it, the driver says in its own words.
    return false;
  }
}
