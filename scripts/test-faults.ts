/**
 * `npm run test:faults` runs the fault suite in its short form. `npm run drill:faults` runs the random interleavings only,
 * 300 on each database: `npm run drill:faults -- --runs 1000 --seed 1 --parallel 3 [--database sqlite]` runs others.
 */
import { spawnSync } from 'node:child_process';
import { providers } from './model-text.ts';

const given = process.argv.slice(2);

// Found by name, because npm scripts search the project's own programs first.
function run(program: 'node' | 'vitest', ...parameters: string[]): boolean {
  return spawnSync(program, parameters, { stdio: 'inherit' }).status === 0;
}

function runAll(): boolean {
  if (!given.includes('--runs')) return run('vitest', 'run', '--project', 'faults', ...given);
  const databases = given.includes('--database') ? [[]] : providers.map((provider) => ['--database', provider]);
  return databases.map((database) => run('node', 'test/faults/random.ts', ...given, ...database)).every(Boolean);
}

process.exit(runAll() ? 0 : 1);
