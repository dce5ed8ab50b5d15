import Sqlite from 'better-sqlite3';
import pg from 'pg';
import { onTestFinished, vi } from 'vitest';

const sqliteStatements = Object.getPrototypeOf(new Sqlite(':memory:').prepare('SELECT 1')) as Sqlite.Statement;

export interface Statement {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** Patches both databases' drivers until the test ends, and records every statement that is sent, in order. */
export function recordStatements(): string[] {
  const statements: string[] = [];
  hearStatements(({ sql }) => statements.push(sql));
  return statements;
}

/** Calls `hear` with every statement that is sent to either database until the test ends. */
export function hearStatements(hear: (statement: Statement) => void): void {
  const sqlite = (['run', 'all'] as const).map((name) => {
    const execute: (...values: unknown[]) => unknown = sqliteStatements[name];
    return vi.spyOn(sqliteStatements, name).mockImplementation(function (this: Sqlite.Statement, ...values) {
      hear({ sql: this.source, values });
      return execute.apply(this, values) as never;
    });
  });
  const query: (...parameters: unknown[]) => unknown = pg.Client.prototype.query;
  const postgres = vi.spyOn(pg.Client.prototype, 'query').mockImplementation(function (
    this: pg.Client,
    ...parameters: unknown[]
  ) {
    const [sent] = parameters as [string | pg.QueryConfig];
    hear(typeof sent === 'string' ? { sql: sent, values: [] } : { sql: sent.text, values: sent.values ?? [] });
    return query.apply(this, parameters);
  });
  onTestFinished(() => {
    for (const spy of sqlite) spy.mockRestore();
    postgres.mockRestore();
  });
}
