/**
 * `npm run test:federation` checks the example's types and tests the service behind real gateways, which it installs where
 * they are missing. They are heavy: that is why they stand in the example's package and not in this one.
 */
import { spawnSync } from 'node:child_process';
import { install } from './install.ts';

// By name: npm scripts find the project's own programs first.
const run = (program: 'tsc' | 'vitest', ...parameters: string[]): boolean =>
  spawnSync(program, parameters, { stdio: 'inherit' }).status === 0;

install('examples/federation');
const ok =
  run('tsc', '--project', 'examples/federation') &&
  run('vitest', 'run', '--project', 'federation', ...process.argv.slice(2));
process.exit(ok ? 0 : 1);
