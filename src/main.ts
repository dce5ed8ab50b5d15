import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { type Environment, readEnvironment } from './environment.ts';

/** What keeps the service from starting without being its fault: the message says all. */
const operatorErrors = new Set([
  'EnvironmentError',
  'MigrationError',
  'DatabaseOpenError',
  'OpenAccessError',
  'PersistedOperationsError',
]);

const isOperatorError = (error: unknown): error is Error =>
  error instanceof Error &&
  (operatorErrors.has(error.name) ||
    'syscall' in error ||
    ('code' in error && /^ERR_PARSE_ARGS/.test(`${error.code}`)));

/** Serves in this process until it is told to end, or the primary that started it is gone. */
async function serve(environment: Environment): Promise<void> {
  const { createApp } = await import('./app.ts');
  const app = await createApp(environment);
  // Before the start: whoever reads that the service is up may stop it at once.
  const ends: Promise<unknown>[] = [once(process, 'SIGTERM'), once(process, 'SIGINT')];
  if (process.connected) ends.push((await import('./workers.ts')).primaryGone());
  Promise.race(ends)
    .then(() => app.stop())
    .then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  await app.start();
  process.send?.('ready');
}

try {
  const { values: given } = parseArgs({
    options: { development: { type: 'boolean', default: false }, workers: { type: 'string', default: '1' } },
  });
  const workers = Number(given.workers);
  const environment = readEnvironment(undefined, { ...given, workers });
  if (workers === 1) await serve(environment);
  else (await import('./workers.ts')).runWorkers(workers, given.development ? ['--development'] : [], environment.log);
} catch (error) {
  console.error(isOperatorError(error) ? `Cannot start: ${error.message}` : error);
  process.exit(1);
}
