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

/** Serves until this process is told to end. */
async function serve(environment: Environment): Promise<void> {
  const { createApp } = await import('./app.ts');
  const app = await createApp(environment);
  // Before the start: whoever reads that the service is up may stop it at once.
  Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')])
    .then(() => app.stop())
    .then(
      () => process.exit(0),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  await app.start();
}

try {
  const { values: mode } = parseArgs({ options: { development: { type: 'boolean', default: false } } });
  await serve(readEnvironment(undefined, mode));
} catch (error) {
  console.error(isOperatorError(error) ? `Cannot start: ${error.message}` : error);
  process.exit(1);
}
