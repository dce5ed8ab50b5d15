import Sqlite from 'better-sqlite3';
import pg from 'pg';
import { onTestFinished, vi } from 'vitest';

/** Listens in on both databases' drivers until the test is over: every statement that is sent from now on, in order. */
export function recordStatements(): string[] {
  const statements: string[] = [];
  const { prepare } = Sqlite.prototype;
  const sqlite = vi.spyOn(Sqlite.prototype, 'prepare').mockImplementation(function (this: Sqlite.Database, sql) {
    statements.push(sql);
    return prepare.call(this, sql) as Sqlite.Statement;
  });
  const query: (...parameters: unknown[]) => unknown = pg.Client.prototype.query;
  const postgres = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (
    this: pg.Client,
    ...parameters: unknown[]
  ) {
    const [sent] = parameters as [string | pg.QueryConfig];
    statements.push(typeof sent === 'string' ? sent : sent.text);
    return query.apply(this, parameters);
  });
  onTestFinished(() => {
    sqlite.mockRestore();
    postgres.mockRestore();
  });
  return statements;
}
