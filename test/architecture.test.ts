import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** The linter keeps the rooms apart; that an import is of types only it cannot ask for. */
test.each(readdirSync('src/videos'))('src/videos/%s knows of the leaves nothing but types', (name) => {
  const source = readFileSync(join('src/videos', name), 'utf8');
  const imports = source.match(/^import [^;]*? from '\.\.\/[^']+';/gms) ?? [];
  expect(imports.filter((statement) => !statement.startsWith('import type '))).toEqual([]);
});
