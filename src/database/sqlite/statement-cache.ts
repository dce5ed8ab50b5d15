import type { ColumnDefinition, Database, Statement } from 'better-sqlite3';
import { LRUCache } from 'lru-cache';

/** The service has a few dozen statements; lists of ids, of any length, make more. */
const maxKept = 200;

/** The connection keeps what it has prepared: the driver asks for each statement every time, and binds it once and for all. */
export function keepStatements(client: Database): void {
  const prepare = client.prepare.bind(client);
  const kept = new LRUCache<string, Statement>({ max: maxKept });
  client.prepare = ((sql: string) => {
    const statement = kept.get(sql) ?? bindableAgain(prepare(sql));
    kept.set(sql, statement);
    return statement;
  }) as Database['prepare'];
}

/** The same statement, of whose `bind` the driver gets as much as it uses. */
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
