import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Installs what a package within this repository stands on, where it is missing or not what its package-lock.json says:
 * what is heavy, and needed by few, has a package of its own.
 */
export function install(directory: string): void {
  const changedAt = (path: string): number => statSync(join(directory, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // npm writes the second file when it is done.
  if (changedAt('package-lock.json') <= changedAt('node_modules/.package-lock.json')) return;
  console.log(`Installing what ${directory} stands on; this takes up to a minute, once.`);
  const options = ['--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', ['ci', ...options], { cwd: directory, stdio: 'inherit', shell: process.platform === 'win32' });
}
