import Database from 'better-sqlite3';

/** The statuses of all tasks in a SQLite file, read over a connection of the test's own. */
export function statusesIn(databaseUrl: string): unknown[] {
  const database = new Database(databaseUrl.slice('file:'.length), { readonly: true });
  try {
    return database.prepare('SELECT "status" FROM "Task" ORDER BY "id"').pluck().all();
  } finally {
    database.close();
  }
}
