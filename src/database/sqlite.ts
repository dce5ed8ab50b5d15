import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import type { Database, Statement } from 'better-sqlite3';
import { withGroupCommit } from './group-commit.ts';
import { keepStatements } from './kept-statements.ts';

/** SQLite takes so many values in a statement; where the driver does not say so, Prisma makes a second one from 1,000 on. */
const maxBindValues = 32_766;

/** Prisma's driver for SQLite, which tells more of the file, and does not do twice what can be done once. */
export class Sqlite extends PrismaBetterSqlite3 {
  #dataVersion: Statement | undefined;

  override async connect() {
    const connection = await super.connect();
    const { client } = connection as unknown as { client: Database };
    this.#dataVersion = client.prepare('PRAGMA data_version').pluck();
    const getConnectionInfo = () => ({ maxBindValues, supportsRelationJoins: false });
    keepStatements(client);
    return Object.assign(connection, withGroupCommit(connection, client), { getConnectionInfo });
  }

  /** A number that is another one after anybody but this connection has written to the file. */
  dataVersion(): unknown {
    return this.#dataVersion?.get() ?? null;
  }
}
