import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import type { SqlDriverAdapter } from '@prisma/driver-adapter-utils';
import type { Statement } from 'better-sqlite3';
import { driverClientOf } from './driver-client.ts';
import { withGroupCommit } from './group-commit.ts';
import { keepStatements } from './statement-cache.ts';

/** How many values one SQLite statement takes. Unless the driver says so, Prisma splits statements at 1,000 values. */
const maxBindValues = 32_766;

/** How a SQLite file is opened. */
type Config = ConstructorParameters<typeof PrismaBetterSqlite3>[0];

/** Prisma's driver for SQLite, which also reports its limit of values and lets one process at a time migrate a file. */
export class Sqlite extends PrismaBetterSqlite3 {
  readonly #config: Config;

  constructor(config: Config) {
    super(config);
    this.#config = config;
  }

  /**
   * Waits until no other process migrates the file, and locks it for this one until the returned connection is disposed
   * of. The lock is on a second file, because the migration engine locks the database only after it has read from it,
   * so that two engines would wait for each other.
   */
  async takeTurn(): Promise<SqlDriverAdapter> {
    const turn = await new PrismaBetterSqlite3({ ...this.#config, url: `${this.#config.url}-migration` }).connect();
    await turn.executeScript('BEGIN EXCLUSIVE');
    return turn;
  }

  override async connect() {
    const getConnectionInfo = () => ({ maxBindValues, supportsRelationJoins: false });
    return Object.assign(await super.connect(), { getConnectionInfo });
  }
}

/** The driver of a serving process, which keeps its connection and therefore its prepared statements. */
export class ServingSqlite extends Sqlite {
  #dataVersion: Statement | undefined;

  override async connect() {
    const connection = await super.connect();
    const client = driverClientOf(connection);
    this.#dataVersion = client.prepare('PRAGMA data_version').pluck();
    keepStatements(client);
    return Object.assign(connection, withGroupCommit(connection, client));
  }

  /** A number that changes when another connection has written to the file. */
  dataVersion(): unknown {
    return this.#dataVersion?.get() ?? null;
  }
}
