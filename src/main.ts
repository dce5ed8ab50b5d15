import { createApp } from './app.ts';
import { readEnvironment } from './environment.ts';

/** What keeps the service from starting without being its fault: the message says all. */
const operatorErrors = new Set([
  'EnvironmentError',
  'MigrationError',
  'DatabaseOpenError',
  'OpenAccessError',
  'PersistedOperationsError',
]);

const isOperatorError = (error: unknown): error is Error =>
  error instanceof Error && (operatorErrors.has(error.name) || 'syscall' in error);

try {
  const development = process.argv.includes('--development');
  const app = await createApp(readEnvironment(undefined, { development }));
  // Before the start: whoever reads that the service is up may stop it at once.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () =>
      app.stop().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(error);
          process.exit(1);
        },
      ),
    );
  }
  await app.start();
} catch (error) {
  console.error(isOperatorError(error) ? `Cannot start: ${error.message}` : error);
  process.exit(1);
}
