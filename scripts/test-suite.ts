/**
 * `npm run test:browser` and `npm run test:federation` install what their suite alone needs, where it is missing, then
 * check the types of what stands on it, and run the suite. These packages are heavy, so `npm ci` does not bring them.
 */
import { spawnSync } from 'node:child_process';
import { install } from './install.ts';

/** The folder of each suite's own package, with a tsconfig.json beside it. */
const packageOf: Readonly<Record<string, string>> = {
  browser: 'test/browser',
  federation: 'examples/federation',
};

// By name: npm scripts find the project's own programs first.
const run = (program: 'tsc' | 'vitest', ...parameters: string[]): boolean =>
  spawnSync(program, parameters, { stdio: 'inherit' }).status === 0;

const [suite = '', ...parameters] = process.argv.slice(2);
const directory = packageOf[suite];
if (directory === undefined) throw new Error(`Name a suite: ${Object.keys(packageOf).join(' or ')}`);

install(directory);
const ok = run('tsc', '--project', directory) && run('vitest', 'run', '--project', suite, ...parameters);
process.exit(ok ? 0 : 1);
