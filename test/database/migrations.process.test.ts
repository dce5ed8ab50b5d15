import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { drift } from '../../scripts/drift.ts';
import { adapterFor, type Database, openDatabase, type Provider } from '../../src/database/database.ts';
import { MigrationError, migrate, migrationsDirectory } from '../../src/database/migrations/migrate.ts';
import { databaseProviders, emptyDatabase, freshDirectory } from '../support/database.ts';
import { silentLog } from '../support/log.ts';
import { inAnotherProcess, migrateInAnotherProcess, openInAnotherProcess } from '../support/starts.ts';

const namesIn = (directory: string): string[] =>
  readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort((one, other) => (one < other ? -1 : 1));

/** The repository's migrations, for a test to add to and to spoil. */
function copyOfMigrations(provider: Provider) {
  const directory = join(freshDirectory(), provider);
  cpSync(migrationsDirectory(provider), directory, { recursive: true });
  const fileOf = (name: string): string => join(directory, name, 'migration.sql');
  return {
    directory,
    names: namesIn(directory),
    edit: (name: string) => appendFileSync(fileOf(name), '\n-- an afterthought\n'),
    add(name: string, sql: string) {
      mkdirSync(join(directory, name));
      writeFileSync(fileOf(name), sql);
    },
  };
}

async function open(url: string): Promise<Database> {
  const database = await openDatabase(url, silentLog);
  onTestFinished(() => database.close());
  return database;
}

/** What a start over `directory` fails with. */
const failedStart = (url: string, directory: string): Promise<unknown> =>
  migrate(adapterFor(url), directory).then(
    () => expect.fail('the start should have been stopped'),
    (error: unknown) => error,
  );

const laterName = '29991231235959_later';

/** A statement that takes a while, in which another start can look at the history. */
const slowSql: Record<Provider, string> = {
  sqlite: `CREATE TABLE "Slow" AS
    WITH RECURSIVE "Counter"("n") AS (SELECT 1 UNION ALL SELECT "n" + 1 FROM "Counter" WHERE "n" < 12000000)
    SELECT count(*) AS "count" FROM "Counter";`,
  postgresql: 'CREATE TABLE "Slow" AS SELECT pg_sleep(2)::text AS "slept";',
};

describe.each(databaseProviders)('migrations on %s', (provider) => {
  const repository = namesIn(migrationsDirectory(provider));

  test('an empty database gets each migration once, in order, and the next start applies none', async () => {
    const url = await emptyDatabase(provider);
    expect((await open(url)).appliedMigrations).toEqual(repository);
    expect((await open(url)).appliedMigrations).toEqual([]);
  });

  test('a database of an older version gets what it lacks and keeps what it has', async () => {
    const url = await emptyDatabase(provider);
    const { directory, add } = copyOfMigrations(provider);
    const before = await openDatabase(url, silentLog);
    await before.client.$executeRawUnsafe('CREATE TABLE "Note" ("text" TEXT)');
    await before.client.$executeRawUnsafe(`INSERT INTO "Note" VALUES ('kept')`);
    await before.close();
    add(laterName, 'ALTER TABLE "Note" ADD COLUMN "more" TEXT;');
    expect(await migrate(adapterFor(url), directory)).toEqual([laterName]);
    const { client } = await open(url);
    expect(await client.$queryRawUnsafe('SELECT * FROM "Note"')).toEqual([{ text: 'kept', more: null }]);
  });

  test('a migration that was edited after it was applied stops the start and is named', async () => {
    const url = await emptyDatabase(provider);
    const { directory, names, edit, add } = copyOfMigrations(provider);
    await migrate(adapterFor(url), directory);
    edit(names[0]!);
    const errors = [await failedStart(url, directory)];
    add(laterName, 'CREATE TABLE "Later" ("text" TEXT);');
    errors.push(await failedStart(url, directory));
    for (const error of errors) {
      expect(error).toBeInstanceOf(MigrationError);
      expect(String(error)).toContain(names[0]);
    }
    // Nothing was applied on top of a history that is not ours.
    await expect((await open(url)).client.$queryRawUnsafe('SELECT * FROM "Later"')).rejects.toThrow();
  });

  test('a failed migration stops the start, and every later start until a person has repaired it', async () => {
    const url = await emptyDatabase(provider);
    const { directory, add } = copyOfMigrations(provider);
    add(laterName, 'CREATE TABLE "Half" ("text" TEXT);\nINSERT INTO "Nowhere" VALUES (1);');
    expect(String(await failedStart(url, directory))).toContain(laterName);
    for (const _ of ['the next start', 'the one after']) {
      const error = await failedStart(url, directory);
      expect(error).toBeInstanceOf(MigrationError);
      expect(String(error)).toContain(laterName);
    }
  });

  test('a migration that a person has taken back and marked so is applied again', async () => {
    const url = await emptyDatabase(provider);
    const { directory, add } = copyOfMigrations(provider);
    add(laterName, 'CREATE TABLE "Later" ("text" TEXT);');
    await migrate(adapterFor(url), directory);
    const person = await adapterFor(url).connect();
    await person.executeScript(`DROP TABLE "Later";
      UPDATE "_prisma_migrations" SET "rolled_back_at" = CURRENT_TIMESTAMP WHERE "migration_name" = '${laterName}'`);
    await person.dispose();
    expect(await migrate(adapterFor(url), directory)).toEqual([laterName]);
    expect(await (await open(url)).client.$queryRawUnsafe('SELECT * FROM "Later"')).toEqual([]);
  });

  test.each([1, 2, 3])('starts at the same moment on one empty database all succeed (round %i)', async () => {
    const url = await emptyDatabase(provider);
    const starts = await Promise.all([1, 2, 3].map(() => openInAnotherProcess(url)));
    expect(starts.flat()).toEqual(repository);
  });

  test('a start while another one is in the middle of a migration waits for it', async () => {
    const url = await emptyDatabase(provider);
    const { directory, add } = copyOfMigrations(provider);
    await migrate(adapterFor(url), directory);
    add(laterName, slowSql[provider]);
    const first = migrateInAnotherProcess(url, directory);
    await expect.poll(() => isMigrating(url, laterName), { timeout: 10_000, interval: 20 }).toBe(true);
    const second = migrateInAnotherProcess(url, directory);
    expect(await Promise.allSettled([first, second])).toEqual([
      { status: 'fulfilled', value: [laterName] },
      { status: 'fulfilled', value: [] },
    ]);
  });

  test('a migrated database is what the model text says, and one that lacks a column is not', async () => {
    const url = await emptyDatabase(provider);
    const { client } = await open(url);
    expect(await drift(url)).toBeNull();
    await client.$executeRawUnsafe('ALTER TABLE "Task" DROP COLUMN "upstreamStatus"');
    expect(await drift(url)).toContain('upstreamStatus');
  });
});

/**
 * Whether a start has begun with a migration. A SQLite file is not opened for it, because a second connection would be
 * in the way.
 */
async function isMigrating(url: string, name: string): Promise<boolean> {
  if (url.startsWith('file:')) return existsSync(`${url.slice('file:'.length)}-journal`);
  const { rows } = await queryOnce(url, 'SELECT migration_name FROM "_prisma_migrations"');
  return rows.some(({ migration_name }) => migration_name === name);
}

async function queryOnce(url: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client.query(sql).finally(() => client.end());
}

test('a PostgreSQL server keeps no connection of a start’s migrations', async () => {
  const url = await emptyDatabase('postgresql');
  await migrate(adapterFor(url), migrationsDirectory('postgresql'));
  const others = `SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()`;
  // A backend ends a moment after its client has disconnected.
  await expect.poll(async () => (await queryOnce(url, others)).rows, { timeout: 2_000 }).toEqual([{ count: 0 }]);
});

test('a SQLite file is free for another process as soon as it is migrated, and while it is open', async () => {
  const url = await emptyDatabase('sqlite');
  const writeAtOnce = `
    import { DatabaseSync } from 'node:sqlite';
    const database = new DatabaseSync(process.argv[1].slice('file:'.length), { timeout: 0 });
    database.exec('CREATE TABLE IF NOT EXISTS "Note" ("text" TEXT)');
    console.log(database.prepare('INSERT INTO "Note" VALUES (?)').run('written').changes);`;
  await migrate(adapterFor(url), migrationsDirectory('sqlite'));
  expect(await inAnotherProcess(writeAtOnce, url)).toBe('1\n');
  await open(url);
  expect(await inAnotherProcess(writeAtOnce, url)).toBe('1\n');
});

test('a SQLite file is opened so that an acknowledged write survives a power cut, also when it is opened again', async () => {
  const url = await emptyDatabase('sqlite');
  for (const _ of ['new', 'existing']) {
    const { client } = await open(url);
    expect(await client.$queryRawUnsafe('PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    const [level] = await client.$queryRawUnsafe<{ synchronous: bigint }[]>('PRAGMA synchronous');
    expect(Number(level?.synchronous)).toBe(2);
  }
});

test('the directory of a SQLite file is made where it is missing', async () => {
  const file = join(freshDirectory(), 'not', 'yet', 'there', 'videos.db');
  expect(await (await open(`file:${file}`)).problem()).toBeNull();
  expect(existsSync(file)).toBe(true);
});
