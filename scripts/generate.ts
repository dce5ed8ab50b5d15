/**
 * Generates Prisma's two clients, for SQLite and for PostgreSQL, from the one model text.
 *
 * Prisma's CLI downloads its schema engine before it generates, although generating does not use it. Naming any
 * existing file as the engine keeps that download from happening, so this works without access to Prisma's host.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Provider } from '../src/database/database.ts';
import { modelTextFor, providers } from './model-text.ts';

const prismaCli = createRequire(import.meta.url).resolve('prisma/build/index.js');
const generatedDirectory = join(import.meta.dirname, '../src/database/generated');

function generate(provider: Provider, directory: string): void {
  const schemaPath = join(directory, `${provider}.prisma`);
  const output = JSON.stringify(join(generatedDirectory, provider));
  writeFileSync(
    schemaPath,
    modelTextFor(provider).replace(/^(\s*output\s*=\s*).*$/m, (_, key) => key + output),
  );
  execFileSync(process.execPath, [prismaCli, 'generate', '--schema', schemaPath], {
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, PRISMA_HIDE_UPDATE_MESSAGE: '1' },
    // On success it has nothing to say; what it says otherwise is in the error.
    stdio: 'pipe',
  });
}

rmSync(generatedDirectory, { recursive: true, force: true });
const directory = mkdtempSync(join(tmpdir(), 'grok-video-graphql-'));
try {
  for (const provider of providers) generate(provider, directory);
} finally {
  rmSync(directory, { recursive: true });
}
