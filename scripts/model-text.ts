import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Provider } from '../src/database/database.ts';

export const providers: readonly Provider[] = ['sqlite', 'postgresql'];

const modelText = readFileSync(join(import.meta.dirname, '../prisma/schema.prisma'), 'utf8');

/** The one model text with `provider` as its datasource. */
export function modelTextFor(provider: Provider): string {
  return modelText.replace('provider = "sqlite"', `provider = "${provider}"`);
}
