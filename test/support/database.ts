import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import type { Provider } from '../../src/database/database.ts';
import { createPostgresDatabase } from './postgres.ts';

/** The databases on which tests of the store, and of its locks, run. */
export const databaseProviders: readonly Provider[] = ['sqlite', 'postgresql'];

/** The URL of a new database with all migrations and no rows. */
export async function freshDatabase(provider: Provider = 'sqlite'): Promise<string> {
  if (provider === 'postgresql') return createPostgresDatabase(inject('postgresUrl'), inject('postgresTemplate'));
  const template: string | undefined = inject('sqliteTemplate');
  // The suites without PostgreSQL have no global setup, and few databases.
  if (template === undefined) return emptyDatabase();
  const path = join(freshDirectory(), 'videos.db');
  copyFileSync(template, path);
  return `file:${path}`;
}

/** The URL of a new database without any table. */
export async function emptyDatabase(provider: Provider = 'sqlite'): Promise<string> {
  return provider === 'postgresql'
    ? createPostgresDatabase(inject('postgresUrl'))
    : `file:${freshDirectory()}/videos.db`;
}

/** A directory that is removed after the test. */
export function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
