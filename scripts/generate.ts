/**
 * Generates Prisma's two clients, for SQLite and for PostgreSQL, from the one model text.
 *
 * It calls the generator that `prisma generate` calls, because the package `prisma` brings 160 MB more, which only its
 * other commands need (a studio, a development server). Both packages must have the version of @prisma/client.
 */
import { rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Provider } from '../src/database/database.ts';
import { modelTextFor, providers } from './model-text.ts';

// Node.js cannot load what these packages publish as ES modules, because their imports name files without extensions.
const require = createRequire(import.meta.url);
const { getGenerator, processSchemaResult }: typeof import('@prisma/internals') = require('@prisma/internals');
const {
  PrismaClientTsGenerator,
}: typeof import('@prisma/client-generator-ts') = require('@prisma/client-generator-ts');

const directory = join(import.meta.dirname, '../prisma');
const schemaPath = join(directory, 'schema.prisma');
const generatedDirectory = join(import.meta.dirname, '../src/database/generated');

async function generate(provider: Provider): Promise<void> {
  const text = modelTextFor(provider).replace('generated/sqlite"', `generated/${provider}"`);
  const generator = await getGenerator({
    schemaContext: await processSchemaResult({
      schemaResult: { schemaPath, schemaRootDir: directory, schemas: [[schemaPath, text]] },
      printLoadMessage: false,
    }),
    registry: { 'prisma-client': { type: 'in-process', generator: new PrismaClientTsGenerator() } },
    cliCommand: 'generate',
    skipDownload: true,
  });
  await generator.generate();
}

rmSync(generatedDirectory, { recursive: true, force: true });
for (const provider of providers) await generate(provider);
