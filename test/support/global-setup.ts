import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { adapterFor } from '../../src/database/database.ts';
import { migrate, migrationsDirectory } from '../../src/database/migrations/migrate.ts';
import { createPostgresDatabase, startPostgres } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgresUrl: string;
    /** A database with all migrations, of which each test gets a copy: to migrate one takes longer than most tests. */
    postgresTemplate: string;
    sqliteTemplate: string;
  }
}

/** One PostgreSQL server for the whole run, in which each test makes a database of its own, and a migrated database of each kind. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startPostgres();
  project.provide('postgresUrl', postgres.url);
  const postgresTemplate = await createPostgresDatabase(postgres.url);
  await migrate(adapterFor(postgresTemplate), migrationsDirectory('postgresql'));
  project.provide('postgresTemplate', new URL(postgresTemplate).pathname.slice(1));
  const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-'));
  const sqliteTemplate = join(directory, 'template.db');
  await migrate(adapterFor(`file:${sqliteTemplate}`), migrationsDirectory('sqlite'));
  project.provide('sqliteTemplate', sqliteTemplate);
  return async () => {
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  };
}
