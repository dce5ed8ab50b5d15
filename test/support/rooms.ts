import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/**
 * Which rooms each room of src/ imports, types included: those and no others. A room is a folder, or a file beside the
 * folders. A room stands below all that import it, so that no import goes back up. docs/architecture.md has the picture.
 */
export const rooms: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['app.ts', 'environment.ts', 'errors.ts'],
  'app.ts': [
    'access',
    'app-media.ts',
    'database',
    'environment.ts',
    'files',
    'health.ts',
    'log.ts',
    'orders',
    'sandbox',
    'server',
    'spending',
    'tasks',
    'tracking',
    'upstream',
  ],
  'app-media.ts': ['database', 'environment.ts', 'files', 'media', 'outbound', 'service-secret.ts', 'tasks'],
  'submissions.ts': ['database', 'environment.ts', 'orders', 'run-command.ts', 'tasks'],
  'keys.ts': ['access', 'database', 'environment.ts', 'run-command.ts', 'spending'],
  'check-files.ts': ['database', 'environment.ts', 'files', 'media', 'run-command.ts'],
  'health.ts': ['database', 'errors.ts', 'files', 'server', 'tasks', 'tracking'],
  'log.ts': ['environment.ts', 'log-output.ts', 'request-context.ts'],
  'environment.ts': ['access', 'errors.ts', 'service-secret.ts', 'settings.ts', 'storage-environment.ts'],
  'storage-environment.ts': ['access', 'files', 'settings.ts'],
  'settings.ts': ['access', 'database', 'fetchable.ts', 'outbound', 'setting-types.ts', 'storage-settings.ts', 'tasks'],
  'storage-settings.ts': ['fetchable.ts', 'files', 'service-secret.ts', 'setting-types.ts'],
  server: [
    'access',
    'byte-range.ts',
    'catalogue',
    'errors.ts',
    'files',
    'graphql',
    'media',
    'request-context.ts',
    'tasks',
  ],
  graphql: ['access', 'catalogue', 'errors.ts', 'media', 'orders', 'spending', 'tasks'],
  database: ['access', 'catalogue', 'errors.ts', 'media', 'orders', 'spending', 'tasks'],
  upstream: ['catalogue', 'tasks'],
  sandbox: ['byte-range.ts', 'catalogue'],
  outbound: ['catalogue', 'work'],
  orders: ['catalogue', 'errors.ts', 'spending', 'tasks', 'work'],
  media: ['byte-range.ts', 'catalogue', 'errors.ts', 'files', 'orders', 'outbound', 'tasks', 'work'],
  tracking: ['tasks', 'work'],
  access: ['errors.ts', 'spending', 'tasks'],
  spending: ['catalogue', 'errors.ts'],
  tasks: ['catalogue', 'errors.ts'],
  catalogue: ['errors.ts'],
  work: [],
  files: ['byte-range.ts', 'errors.ts', 'work'],
  'byte-range.ts': [],
  'errors.ts': [],
  'fetchable.ts': [],
  'log-output.ts': [],
  'request-context.ts': [],
  'run-command.ts': [],
  'service-secret.ts': ['errors.ts'],
  'setting-types.ts': [],
};

const roomOf = (path: string): string => path.split('/')[0] ?? path;

/** The files of src/, without the generated clients. */
export const sourceFiles = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.includes('generated'))
  .toSorted();

/** The rooms that a file imports: statically, dynamically and for types. */
function importsOf(path: string): string[] {
  const source = readFileSync(join('src', path), 'utf8');
  const specifiers = [...source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'(\.[^']+)'/g)].map(([, to = '']) => to);
  return specifiers.map((to) => roomOf(relative('src', join('src', dirname(path), to))));
}

/** The rooms that each room really imports, in the form of the table. */
export function importsByRoom(): Record<string, string[]> {
  const found: Record<string, Set<string>> = {};
  for (const path of sourceFiles) {
    const room = roomOf(path);
    const imports = found[room] ?? new Set();
    found[room] = imports;
    for (const other of importsOf(path)) if (other !== room) imports.add(other);
  }
  return Object.fromEntries(Object.entries(found).map(([room, imports]) => [room, [...imports].toSorted()]));
}

/** The picture of the rooms: the folders and app.ts, without the files that every room may use. */
export function picture(): string {
  const isDrawn = (room: string) => !room.endsWith('.ts') || room === 'app.ts';
  const arrows = Object.entries(rooms)
    .filter(([room]) => isDrawn(room))
    .flatMap(([room, imports]) => imports.filter(isDrawn).map((other) => `  ${room} --> ${other}`));
  return ['```mermaid', 'flowchart TD', ...arrows, '```'].join('\n');
}
