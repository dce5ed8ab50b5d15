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

/** The migrations of one kind of database, in the form that Prisma's schema engine takes. */
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

/** The directory with the migrations of one kind of database. */
export const migrationsDirectory = (provider: string): string =>
  join(import.meta.dirname, '../../../prisma/migrations', provider);

/**
 * Applies the missing migrations and returns their names. When several instances start at once, one applies them and
 * the others wait.
 *
 * @throws MigrationError when a migration was edited after it was applied, or did not finish.
 */
export async function migrate(
  adapter: SqlMigrationAwareDriverAdapterFactory,
  directory: string,
): Promise<readonly string[]> {
  const migrationsList = await readMigrations(directory);
  if (await isUpToDate(adapter, migrationsList)) return [];
  const turn = adapter instanceof Sqlite ? await adapter.takeTurn() : null;
  try {
    // Another instance may have applied them while this one waited.
    return (await isUpToDate(adapter, migrationsList)) ? [] : await applyMigrations(adapter, migrationsList);
  } finally {
    await turn?.dispose();
  }
}

async function applyMigrations(
  adapter: SqlMigrationAwareDriverAdapterFactory,
  migrationsList: MigrationList,
): Promise<readonly string[]> {
  // Loaded only when there is a migration to apply, because it takes 15 MB.
  const { everything, withSchemaEngine } = await import('./schema-engine.ts');
  const input = { migrationsList, filters: everything };
  return withSchemaEngine(adapter, undefined, async (engine) => {
    const { editedMigrationNames } = await historyOf(engine, input);
    refuse(editedMigrationNames, 'edited after it was applied', 'restore its file from the repository');
    try {
      return (await engine.applyMigrations(input)).appliedMigrationNames;
    } catch (error) {
      // Read only after a failure, because a migration that another instance is applying looks like a failed one.
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

/** The names of all applied migrations, with the checksum of those that finished. */
const historySql = `
  SELECT "migration_name", CASE WHEN "finished_at" IS NOT NULL AND "rolled_back_at" IS NULL THEN "checksum" END
  FROM "_prisma_migrations" ORDER BY "migration_name"`;

/** Whether the database has exactly these migrations, all finished and with the checksums of their files. */
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
    // The schema engine, which runs next, reports what is wrong.
    return false;
  } finally {
    await connection.dispose();
  }
}

/** The checksum that the schema engine stores. */
const checksumOf = ({ content }: MigrationFile): string => createHash('sha256').update(content.value).digest('hex');

type History = Pick<DiagnoseMigrationHistoryOutput, 'editedMigrationNames' | 'failedMigrationNames'>;

async function historyOf(engine: SchemaEngine, input: ApplyMigrationsInput): Promise<History> {
  try {
    return await engine.diagnoseMigrationHistory({ ...input, optInToShadowDatabase: false });
  } catch (error) {
    // The first migration creates the bookkeeping table, so a database without it has no history.
    if (error instanceof Error && 'code' in error && error.code === 'P1014') {
      return { editedMigrationNames: [], failedMigrationNames: [] };
    }
    throw error;
  }
}

function refuse(names: readonly string[], what: string, advice: string, cause?: unknown): void {
  if (names.length > 0) throw new MigrationError(`Migration ${names.join(', ')} was ${what}: ${advice}.`, { cause });
}

/** A person has to decide how the database gets the schema that this program needs. */
export class MigrationError extends OperatorError {
  override readonly name = 'MigrationError';
}
