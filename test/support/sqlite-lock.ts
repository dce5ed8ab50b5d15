import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

const holder = `
const Database = require('better-sqlite3');
const database = new Database(process.argv[1]);
database.exec('BEGIN IMMEDIATE');
process.send('held');
setTimeout(() => { database.exec('ROLLBACK'); process.exit(); }, Number(process.argv[2]));
`;

/** Another process takes the write lock of a SQLite file and keeps it for a while; resolves once it has it. */
export async function holdWriteLock(databaseUrl: string, heldMs: number): Promise<{ released: Promise<unknown> }> {
  const path = databaseUrl.slice('file:'.length);
  const child = spawn(process.execPath, ['-e', holder, path, String(heldMs)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const released = once(child, 'exit');
  await once(child, 'message');
  return { released };
}
