import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import type { Provider } from '../../src/database/database.ts';
import { createPostgresDatabase } from './postgres.ts';

/** What every test of the store, and of what depends on its locks, runs on. */
export const databaseProviders: readonly Provider[] = ['sqlite', 'postgresql'];

/** The URL of an empty database that nobody else uses. */
export async function freshDatabase(provider: Provider = 'sqlite'): Promise<string> {
  return provider === 'postgresql'
    ? createPostgresDatabase(inject('postgresUrl'))
    : `file:${freshDirectory()}/videos.db`;
}

/** A directory that is gone after the test. */
export function freshDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
