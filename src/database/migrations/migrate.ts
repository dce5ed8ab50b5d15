import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { SqlMigrationAwareDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import type {
  ApplyMigrationsInput,
  DiagnoseMigrationHistoryOutput,
  MigrationFile,
  MigrationList,
  SchemaEngine,
} from '@prisma/schema-engine-wasm/schema_engine_bg';
import { OperatorError } from '../../errors.ts';
import { Sqlite } from '../sqlite/driver.ts';

/** The migrations that have been written for one kind of database, in the form the schema engine takes. */
export async function readMigrations(directory: string): Promise<MigrationList> {
  const entries = await readdir(directory, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  const migrationDirectories = names.map(async (name) => {
    const value = await readFile(join(directory, name, 'migration.sql'), 'utf8');
    return { path: name, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value } } };
  });
  return {
    baseDir: directory,
    lockfile: { path: 'migration_lock.toml', content: await readFile(join(directory, 'migration_lock.toml'), 'utf8') },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(migrationDirectories),
  };
}

/** Where the repository keeps the migrations for one kind of database. */
export const migrationsDirectory = (provider: string): string =>
  join(import.meta.dirname, '../../../prisma/migrations', provider);

/**
 * Brings the database to the newest migration and returns the names of those it applied. Of several instances that
 * start at once, one applies them while the others wait for it.
 *
 * @throws MigrationError when the database's history is not the one in the repository: a migration was edited after
 * it was applied, or one failed half-way.
 */
export async function migrate(
  adapter: SqlMigrationAwareDriverAdapterFactory,
  directory: string,
): Promise<readonly string[]> {
  const migrationsList = await readMigrations(directory);
  if (await isUpToDate(adapter, migrationsList)) return [];
  const turn = adapter instanceof Sqlite ? await adapter.takeTurn() : null;
  try {
    // Another instance may have done it meanwhile.
    return (await isUpToDate(adapter, migrationsList)) ? [] : await applyMigrations(adapter, migrationsList);
  } finally {
    await turn?.dispose();
  }
}

async function applyMigrations(
  adapter: SqlMigrationAwareDriverAdapterFactory,
  migrationsList: MigrationList,
): Promise<readonly string[]> {
  // Loaded only where there is something to do: it takes 15 MB.
  const { everything, withSchemaEngine } = await import('./schema-engine.ts');
  const input = { migrationsList, filters: everything };
  return withSchemaEngine(adapter, undefined, async (engine) => {
    const { editedMigrationNames } = await historyOf(engine, input);
    refuse(editedMigrationNames, 'edited after it was applied', 'restore its file from the repository');
    try {
      return (await engine.applyMigrations(input)).appliedMigrationNames;
    } catch (error) {
      // Asked only now: before, a migration that another instance is applying would look like a failed one.
      const { failedMigrationNames } = await historyOf(engine, input);
      refuse(
        failedMigrationNames,
        'started but never finished',
        'restore a backup, or repair the database by hand',
        error,
      );
      throw error;
    }
  });
}

/** What was applied, with the checksum of what was whole. */
const historySql = `
  SELECT "migration_name", CASE WHEN "finished_at" IS NOT NULL AND "rolled_back_at" IS NULL THEN "checksum" END
  FROM "_prisma_migrations" ORDER BY "migration_name"`;

/** Whether the database has these migrations and no others, each of them whole and as its file is. */
async function isUpToDate(
  adapter: SqlMigrationAwareDriverAdapterFactory,
  { migrationDirectories }: MigrationList,
): Promise<boolean> {
  const written = migrationDirectories.map(({ path, migrationFile }) => [path, checksumOf(migrationFile)]);
  const connection = await adapter.connect();
  try {
    const { rows } = await connection.queryRaw({ sql: historySql, args: [], argTypes: [] });
    return isDeepStrictEqual(rows, written);
  } catch {
    // Whatever is wrong, the engine has the words for it.
    return false;
  } finally {
    await connection.dispose();
  }
}

/** As the engine makes it. */
const checksumOf = ({ content }: MigrationFile): string => createHash('sha256').update(content.value).digest('hex');

type History = Pick<DiagnoseMigrationHistoryOutput, 'editedMigrationNames' | 'failedMigrationNames'>;

async function historyOf(engine: SchemaEngine, input: ApplyMigrationsInput): Promise<History> {
  try {
    return await engine.diagnoseMigrationHistory({ ...input, optInToShadowDatabase: false });
  } catch (error) {
    // The bookkeeping table is made by the first migration: a database without it has no history.
    if (error instanceof Error && 'code' in error && error.code === 'P1014') {
      return { editedMigrationNames: [], failedMigrationNames: [] };
    }
    throw error;
  }
}

function refuse(names: readonly string[], what: string, advice: string, cause?: unknown): void {
  if (names.length > 0) throw new MigrationError(`Migration ${names.join(', ')} was ${what}: ${advice}.`, { cause });
}

/** The database cannot be brought to the schema this program needs without a person's decision. */
export class MigrationError extends OperatorError {
  override readonly name = 'MigrationError';
}
