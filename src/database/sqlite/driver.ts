import { PrismaBetterSqlite3 } from '@prisma/adapter-better-sqlite3';
import type { SqlDriverAdapter } from '@prisma/driver-adapter-utils';
import type { Statement } from 'better-sqlite3';
import { driverClientOf } from './driver-client.ts';
import { withGroupCommit } from './group-commit.ts';
import { keepStatements } from './statement-cache.ts';

/** SQLite takes so many values in a statement; where the driver does not say so, Prisma makes a second one from 1,000 on. */
const maxBindValues = 32_766;

/** How a file is opened. */
type Config = ConstructorParameters<typeof PrismaBetterSqlite3>[0];

/** Prisma's driver for SQLite, which says how much a statement takes, and lets one at a time migrate a file. */
export class Sqlite extends PrismaBetterSqlite3 {
  readonly #config: Config;

  constructor(config: Config) {
    super(config);
    this.#config = config;
  }

  /**
   * Waits until no other process migrates the file; the caller disposes of the turn. It is a lock on a file beside it: the
   * migration engine locks the file itself only after it has read from it, so that of two each waits for the other.
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

/** The same for a service, with what only a connection that is kept has any use for. */
export class ServingSqlite extends Sqlite {
  #dataVersion: Statement | undefined;

  override async connect() {
    const connection = await super.connect();
    const client = driverClientOf(connection);
    this.#dataVersion = client.prepare('PRAGMA data_version').pluck();
    keepStatements(client);
    return Object.assign(connection, withGroupCommit(connection, client));
  }

  /** A number that is another one after another connection than this has written to the file. */
  dataVersion(): unknown {
    return this.#dataVersion?.get() ?? null;
  }
}
