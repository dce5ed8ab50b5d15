import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import type { Logger } from 'pino';
import { OperatorError } from '../errors.ts';
import type { Epoch } from './cache/row-cache.ts';
import { placeOf, withoutSecrets } from './database-url.ts';
import type { PrismaClient } from './generated/sqlite/client.ts';
import { MigrationError, migrate, migrationsDirectory } from './migrations/migrate.ts';
import { createNotifications, type Notifications } from './postgres/notifications.ts';
import { ServingSqlite, Sqlite } from './sqlite/driver.ts';
import { watchFile } from './sqlite/file-watch.ts';

export type Provider = 'sqlite' | 'postgresql';

/** Both Prisma clients are generated from one model, so the type of the SQLite one is used for both. */
export type DatabaseClient = PrismaClient;

/** Reads of tasks leave the images out, because they may be large and never change. */
const omit = { task: { referenceImages: true } } as const;

/** The purpose for which a driver is opened. */
type Purpose = 'serving' | 'migrating';

/**
 * How long a write waits for another process's lock on the SQLite file. The driver blocks the whole process while it
 * waits, so a serving process waits no longer than a health check may take.
 */
const sqliteBusyTimeoutMs: Record<Purpose, number> = { serving: 2_000, migrating: 30_000 };

/**
 * Time limits of the PostgreSQL driver. Without them it waits for ever for a connection, and for the answer of a server
 * that is gone.
 */
const postgresLimits: Record<Purpose, object> = {
  serving: {
    max: 10,
    connectionTimeoutMillis: 5_000,
    // The server's timeout is shorter, so that its error message arrives.
    statement_timeout: 6_000,
    query_timeout: 7_000,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
  },
  // A migration has no time limit, because a large table may take long.
  migrating: { max: 1, connectionTimeoutMillis: 5_000, keepAlive: true },
};

/** The kind of database that a DATABASE_URL names. */
export function providerOf(url: string): Provider {
  return url.startsWith('file:') ? 'sqlite' : 'postgresql';
}

const pathOf = (url: string): string => url.slice('file:'.length);

/** The driver for a DATABASE_URL. Creates the directory of a SQLite file where it is missing. */
export function adapterFor(url: string, purpose: Purpose = 'migrating'): SqlMigrationAwareDriverAdapterFactory {
  if (providerOf(url) === 'postgresql') return new PrismaPg({ connectionString: url, ...postgresLimits[purpose] });
  mkdirSync(dirname(pathOf(url)), { recursive: true });
  return new Sqlite({ url, timeout: sqliteBusyTimeoutMs[purpose] });
}

export interface Database {
  readonly client: DatabaseClient;
  readonly appliedMigrations: readonly string[];
  /** Sends notifications between the instances on one PostgreSQL database; null with SQLite. */
  readonly notifications: Notifications | null;
  /** Tells a cache whether its rows are still valid. */
  readonly epoch: Epoch;
  /** Why the SQLite file can no longer be trusted, when it was removed, replaced or overwritten; otherwise null. */
  fileProblem(): string | null;
  /** Asks the database whether it answers. Null, or a sentence for the operator. */
  problem(): Promise<string | null>;
  /** Asks PostgreSQL whether it accepts writes. Null, or a sentence for the operator. */
  readOnlyProblem(): Promise<string | null>;
  /** Asks the database whether all migrations have finished. Null, or a sentence for the operator. */
  migrationProblem(): Promise<string | null>;
  close(): Promise<void>;
}

/** The database cannot be opened. The message names it without its password. */
export class DatabaseOpenError extends OperatorError {
  override readonly name = 'DatabaseOpenError';

  constructor(url: string, cause: unknown) {
    // Prisma's engine appends its own stack to the message.
    const [reason = ''] = String(cause instanceof Error ? cause.message || cause.name : cause).split('\n');
    super(`The database ${placeOf(url)} cannot be opened: ${withoutSecrets(reason, url)}`, { cause });
  }
}

/**
 * Opens the database of a DATABASE_URL and applies the missing migrations.
 *
 * @throws MigrationError when the database has other migrations than the repository.
 * @throws DatabaseOpenError when it cannot be opened, read or written.
 */
export async function openDatabase(url: string, log: Logger): Promise<Database> {
  try {
    return await open(url, log);
  } catch (error) {
    throw error instanceof MigrationError ? error : new DatabaseOpenError(url, error);
  }
}

async function open(url: string, log: Logger): Promise<Database> {
  const appliedMigrations = await migrate(adapterFor(url), migrationsDirectory(providerOf(url)));
  const opened = await (providerOf(url) === 'postgresql' ? openPostgres(url, log) : openSqlite(url, log));
  const { client, notifications } = opened;
  return {
    ...opened,
    appliedMigrations,
    problem: () =>
      client.$queryRaw`SELECT 1`.then(
        () => null,
        () => 'The database does not answer.',
      ),
    migrationProblem: () =>
      client.$queryRaw<{ unfinished: bigint }[]>`
        SELECT count(*) AS "unfinished", (SELECT "id" FROM "Task" LIMIT 1) AS "task" FROM "_prisma_migrations"
        WHERE "finished_at" IS NULL AND "rolled_back_at" IS NULL
      `.then(
        ([found]) => (Number(found?.unfinished) === 0 ? null : 'A migration has not finished.'),
        () => 'The tables cannot be read.',
      ),
    async close() {
      await notifications?.close();
      await client.$disconnect();
    },
  };
}

/** How often a new SQLite file is asked to use a write-ahead log, and the pause in between. */
const walAttempts = 50;
const walPauseMs = 100;

type Opened = Pick<Database, 'client' | 'notifications' | 'epoch' | 'fileProblem' | 'readOnlyProblem'>;

// Each function loads only the generated client that it needs.

async function openPostgres(url: string, log: Logger): Promise<Opened> {
  const { PrismaClient } = await import('./generated/postgresql/client.ts');
  const client = new PrismaClient({ adapter: adapterFor(url, 'serving'), omit }) as unknown as DatabaseClient;
  const notifications = createNotifications(url, log);
  // A standby server reports read-only here too.
  const readOnlyProblem = () =>
    client.$queryRaw<[{ on: boolean }]>`SELECT current_setting('transaction_read_only') = 'on' AS "on"`.then(
      ([{ on }]) => (on ? 'The database is read-only, so nothing can be ordered.' : null),
    );
  return { client, notifications, epoch: notifications.epoch, fileProblem: () => null, readOnlyProblem };
}

async function openSqlite(url: string, log: Logger): Promise<Opened> {
  const { PrismaClient } = await import('./generated/sqlite/client.ts');
  const adapter = new ServingSqlite({ url, timeout: sqliteBusyTimeoutMs.serving });
  const client = new PrismaClient({ adapter, omit }) as unknown as DatabaseClient;
  await makeDurable(client);
  // The first read creates the files beside the database, which are watched too.
  await client.$queryRaw`SELECT count(*) FROM "Task" WHERE "id" = ''`;
  const fileProblem = watchFile(pathOf(url), log);
  return {
    client,
    notifications: null,
    epoch: () => adapter.dataVersion(),
    fileProblem,
    readOnlyProblem: async () => null,
  };
}

/**
 * Sets SQLite up so that a committed write survives a power cut (synchronous FULL) and does not block readers (WAL).
 * Both settings are read back, because SQLite answers a pragma that it cannot follow with the old value.
 *
 * @throws Error when the file does not allow these settings, as on a network file system.
 */
async function makeDurable(client: PrismaClient): Promise<void> {
  // On a new file SQLite does not wait for the lock of another instance, so the statement is repeated.
  for (let attempt = 1; ; attempt++) {
    const set = await client.$queryRaw`PRAGMA journal_mode = WAL`.catch((error: unknown) => error);
    if (!(set instanceof Error)) break;
    if (attempt === walAttempts) throw set;
    await sleep(walPauseMs);
  }
  await client.$executeRaw`PRAGMA synchronous = FULL`;
  const [mode] = await client.$queryRaw<{ journal_mode: string }[]>`PRAGMA journal_mode`;
  const [level] = await client.$queryRaw<{ synchronous: bigint }[]>`PRAGMA synchronous`;
  if (mode?.journal_mode !== 'wal' || Number(level?.synchronous) !== 2) {
    throw new Error(
      `SQLite keeps journal_mode=${mode?.journal_mode} synchronous=${level?.synchronous}, not WAL and FULL`,
    );
  }
}
