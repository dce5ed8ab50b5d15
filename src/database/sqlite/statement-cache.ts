import type { ColumnDefinition, Database, Statement } from 'better-sqlite3';
import { LRUCache } from 'lru-cache';

/** The service has a few dozen statements, and more because lists of ids differ in length. */
const maxKept = 200;

/** Makes a connection keep its prepared statements, because the driver prepares a statement again for every query. */
export function keepStatements(client: Database): void {
  const prepare = client.prepare.bind(client);
  const kept = new LRUCache<string, Statement>({ max: maxKept });
  client.prepare = ((sql: string) => {
    const statement = kept.get(sql) ?? bindableAgain(prepare(sql));
    kept.set(sql, statement);
    return statement;
  }) as Database['prepare'];
}

/**
 * Replaces `bind`, with which the driver binds a statement permanently, by one that can be called repeatedly. It
 * returns the members that the driver uses.
 */
function bindableAgain(statement: Statement): Statement {
  let columns: ColumnDefinition[] | undefined;
  const bind = (values: unknown[]) => ({
    reader: statement.reader,
    run: () => statement.run(values),
    columns: () => (columns ??= statement.columns()),
    raw: () => ({ all: () => statement.raw().all(values) }),
  });
  return Object.assign(statement, { bind });
}
