import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';

const here = join(import.meta.dirname, 'peers');
const changedAt = (path: string): number => statSync(join(here, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Installs the peers and the load, where they are missing or not what package-lock.json says. */
export function install(): void {
  // npm writes the second file when it is done.
  if (changedAt('package-lock.json') <= changedAt('node_modules/.package-lock.json')) return;
  console.log('Installing the peers and autocannon; this takes some seconds, once.');
  const options = ['--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', ['ci', ...options], { cwd: here, stdio: 'inherit', shell: process.platform === 'win32' });
}
