import { createApp } from './app.ts';
import { EnvironmentError, readEnvironment } from './environment.ts';

try {
  const development = process.argv.includes('--development');
  const app = await createApp(readEnvironment(undefined, { development }));
  await app.start();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => app.stop().then(() => process.exit(0)));
  }
} catch (error) {
  console.error(error instanceof EnvironmentError ? error.message : error);
  process.exit(1);
}
