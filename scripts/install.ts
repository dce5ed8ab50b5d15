import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Installs the dependencies of a package within this repository, if they are missing or differ from its
 * package-lock.json. Large dependencies that only some suites need stand in such packages.
 */
export function install(directory: string): void {
  const changedAt = (path: string): number => statSync(join(directory, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // npm writes the second file when it is done.
  if (changedAt('package-lock.json') <= changedAt('node_modules/.package-lock.json')) return;
  console.log(`Installing what ${directory} stands on; this takes up to a minute, once.`);
  const options = ['--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', ['ci', ...options], { cwd: directory, stdio: 'inherit', shell: process.platform === 'win32' });
}
