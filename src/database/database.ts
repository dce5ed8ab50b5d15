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

/** Both clients are generated from one model text, so the SQLite one's type speaks for either. */
export type DatabaseClient = PrismaClient;

/** What no read of a task includes, because it may be long and never changes. */
const omit = { task: { referenceImages: true } } as const;

/** What a driver is opened for. */
type Purpose = 'serving' | 'migrating';

/**
 * How long a write waits for another process's lock on the SQLite file. The driver waits standing still, and the whole
 * process with it: while it serves, not longer than a health check may wait.
 */
const sqliteBusyTimeoutMs: Record<Purpose, number> = { serving: 2_000, migrating: 30_000 };

/** Without limits the driver waits for ever: for a connection, and for the answer of a server that is gone. */
const postgresLimits: Record<Purpose, object> = {
  serving: {
    max: 10,
    connectionTimeoutMillis: 5_000,
    // The server gives up first, so that its word for it is heard.
    statement_timeout: 6_000,
    query_timeout: 7_000,
    idle_in_transaction_session_timeout: 10_000,
    keepAlive: true,
  },
  // A migration of a large table takes as long as it takes.
  migrating: { max: 1, connectionTimeoutMillis: 5_000, keepAlive: true },
};

/** Which kind of database a DATABASE_URL names. */
export function providerOf(url: string): Provider {
  return url.startsWith('file:') ? 'sqlite' : 'postgresql';
}

const pathOf = (url: string): string => url.slice('file:'.length);

/** The driver for a DATABASE_URL; the directory of a SQLite file is made where it is missing. */
export function adapterFor(url: string, purpose: Purpose = 'migrating'): SqlMigrationAwareDriverAdapterFactory {
  if (providerOf(url) === 'postgresql') return new PrismaPg({ connectionString: url, ...postgresLimits[purpose] });
  mkdirSync(dirname(pathOf(url)), { recursive: true });
  return new Sqlite({ url, timeout: sqliteBusyTimeoutMs[purpose] });
}

export interface Database {
  readonly client: DatabaseClient;
  readonly appliedMigrations: readonly string[];
  /** What carries hints between the instances that share the database; null where it cannot. */
  readonly notifications: Notifications | null;
  /** Whether rows that were read may be used again. */
  readonly epoch: Epoch;
  /** Where the names of a SQLite file lead to another file by now, or to none: that they do. */
  fileProblem(): string | null;
  /** Asks the database whether it answers: null, or that it does not. */
  problem(): Promise<string | null>;
  /** Asks PostgreSQL whether it takes writes at all: null, or that it does not. */
  readOnlyProblem(): Promise<string | null>;
  /** Asks the database whether its schema is whole: null, or what is wrong with it. */
  migrationProblem(): Promise<string | null>;
  close(): Promise<void>;
}

/** The database cannot be opened; the message names it without its password. */
export class DatabaseOpenError extends OperatorError {
  override readonly name = 'DatabaseOpenError';

  constructor(url: string, cause: unknown) {
    // Prisma's engine appends its own stack to the message.
    const [reason = ''] = String(cause instanceof Error ? cause.message || cause.name : cause).split('\n');
    super(`The database ${placeOf(url)} cannot be opened: ${withoutSecrets(reason, url)}`, { cause });
  }
}

/**
 * Opens the database of a DATABASE_URL and brings it to the newest migration.
 *
 * @throws MigrationError when its history is not the repository's.
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

/** How often, and how long after each other, a new file is asked to keep a write-ahead log. */
const walAttempts = 50;
const walPauseMs = 100;

type Opened = Pick<Database, 'client' | 'notifications' | 'epoch' | 'fileProblem' | 'readOnlyProblem'>;

// Only the generated client that is needed is loaded.

async function openPostgres(url: string, log: Logger): Promise<Opened> {
  const { PrismaClient } = await import('./generated/postgresql/client.ts');
  const client = new PrismaClient({ adapter: adapterFor(url, 'serving'), omit }) as unknown as DatabaseClient;
  const notifications = createNotifications(url, log);
  // A standby is read-only as well.
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
  // The first read makes the files beside it, which are watched as well.
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
 * An acknowledged write must survive a power cut (FULL) and must not block readers (WAL). Both are asserted, because
 * SQLite answers a pragma it cannot follow with the value it kept.
 *
 * @throws Error when the file cannot be opened that way, on a network file system for one.
 */
async function makeDurable(client: PrismaClient): Promise<void> {
  // On a new file it is not waited for a lock: another instance may be reading from it, or doing the same.
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
