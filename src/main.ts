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
  // Listened to before the start, because a stop may be asked for as soon as the log says that the service is up. Every
  // further signal is ignored, because one Ctrl-C reaches a service under npm twice: from the terminal, and from npm.
  const told = Promise.withResolvers<unknown>();
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, told.resolve);
  told.promise
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
