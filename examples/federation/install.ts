import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
const changedAt = (path: string): number => statSync(join(here, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Installs what this example stands on, where it is missing or not what package-lock.json says. Gateways are heavy. */
export function install(): void {
  // npm writes the second file when it is done.
  if (changedAt('package-lock.json') <= changedAt('node_modules/.package-lock.json')) return;
  console.log('Installing the gateway and what it needs; this takes a minute, once.');
  const options = ['--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', ['ci', ...options], { cwd: here, stdio: 'inherit', shell: process.platform === 'win32' });
}
