import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const source = (path: string): string => new URL(`../../src/${path}`, import.meta.url).href;

/** What `program` prints, run as a process of its own with `values` as `argv[1]` and so on. */
export async function inAnotherProcess(program: string, ...values: string[]): Promise<string> {
  const { stdout } = await run(process.execPath, ['--no-warnings', '--input-type=module', '-e', program, ...values]);
  return stdout;
}

/**
 * Brings a database up to date as another instance of the service does: a process of its own, because two connections
 * to one SQLite file in one process wait for each other only by standing still.
 */
export async function migrateInAnotherProcess(url: string, directory: string): Promise<readonly string[]> {
  const program = `
    import { adapterFor } from '${source('database/database.ts')}';
    import { migrate } from '${source('database/migrations/migrate.ts')}';
    const [, url, directory] = process.argv;
    console.log(JSON.stringify(await migrate(adapterFor(url), directory)));
    process.exit();`;
  return JSON.parse(await inAnotherProcess(program, url, directory));
}

/** Opens a database as another instance of the service does; returns the migrations that this start applied. */
export async function openInAnotherProcess(url: string): Promise<readonly string[]> {
  const program = `
    import { pino } from '${import.meta.resolve('pino')}';
    import { openDatabase } from '${source('database/database.ts')}';
    const { appliedMigrations, problem, close } = await openDatabase(process.argv[1], pino({ level: 'silent' }));
    if (await problem()) throw new Error(await problem());
    await close();
    console.log(JSON.stringify(appliedMigrations));
    process.exit();`;
  return JSON.parse(await inAnotherProcess(program, url));
}
