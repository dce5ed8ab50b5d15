import { parseArgs } from 'node:util';
import { type Environment, readEnvironment } from './environment.ts';
import { OperatorError } from './errors.ts';

const usage = `Usage: npm start, or npm run dev (which adds --development)

  --development   readable log, GraphiQL and introspection; without GROK_API_KEY the sandbox takes the upstream's place

Settings are environment variables or lines of .env: README.md lists them. API keys: npm run keys -- --help`;

const options = {
  development: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

const isOperatorError = (error: unknown): error is Error =>
  error instanceof Error &&
  (error instanceof OperatorError ||
    'syscall' in error ||
    ('code' in error && /^ERR_PARSE_ARGS/.test(`${error.code}`)));

/** How long the process may take to end before it is forced to. A regular stop takes ten seconds at most. */
const maxStopMs = 12_000;

/** Serves until a signal or an unexpected error ends the process. */
async function serve(environment: Environment): Promise<void> {
  const { createApp } = await import('./app.ts');
  const app = await createApp(environment);
  let exitCode = 0;
  const ending = Promise.withResolvers<unknown>();
  // The signals are listened for before the start, because one can arrive as soon as the log says that the service is
  // up. Further signals are ignored, because one Ctrl-C reaches a service under npm twice: from the terminal and from
  // npm.
  for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, ending.resolve);
  // Node also reports unhandled rejections as uncaught exceptions.
  process.on('uncaughtException', (error) => {
    exitCode = 1;
    app.logFatal(error);
    ending.resolve(error);
  });
  ending.promise
    .then(() => {
      setTimeout(() => process.exit(1), maxStopMs);
      return app.stop();
    })
    .then(
      () => process.exit(exitCode),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  await app.start();
}

try {
  const { values } = parseArgs({ options });
  if (values.help) console.log(usage);
  else await serve(readEnvironment(undefined, values));
} catch (error) {
  console.error(isOperatorError(error) ? `Cannot start: ${error.message}` : error);
  process.exit(1);
}
