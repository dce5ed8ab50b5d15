/**
 * Writes the SQL that leads from the newest migration to prisma/schema.prisma, for both databases:
 * `npm run migration -- add-history`. Read it before you commit it.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { adapterFor, type Provider } from '../src/database/database.ts';
import { migrate, migrationsDirectory } from '../src/database/migrations/migrate.ts';
import { createPostgresDatabase, startPostgres } from '../test/support/postgres.ts';
import { drift } from './drift.ts';
import { providers } from './model-text.ts';

const [name] = process.argv.slice(2);
if (name === undefined || !/^[a-z0-9-]+$/.test(name)) {
  throw new Error('Name the migration in kebab-case: npm run migration -- add-history');
}
const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);

async function createMigration(provider: Provider, url: string): Promise<void> {
  const directory = migrationsDirectory(provider);
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'migration_lock.toml'), `provider = "${provider}"\n`);
  await migrate(adapterFor(url), directory);
  const sql = await drift(url);
  if (sql === null) return console.log(`${provider}: the migrations already lead to the model`);
  const path = join(directory, `${stamp}_${name}`);
  mkdirSync(path);
  writeFileSync(join(path, 'migration.sql'), sql);
  console.log(`${path}/migration.sql\n${sql}`);
}

const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-'));
const postgres = await startPostgres();
try {
  const urls = {
    sqlite: `file:${join(directory, 'empty.db')}`,
    postgresql: await createPostgresDatabase(postgres.url),
  };
  for (const provider of providers) await createMigration(provider, urls[provider]);
} finally {
  await postgres.stop();
  rmSync(directory, { recursive: true });
}
process.exit();
