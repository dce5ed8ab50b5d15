import { z } from 'zod';

const milliseconds = (byDefault: number) => z.coerce.number().int().min(1).max(2_147_483_647).default(byDefault);
const port = (byDefault: number) => z.coerce.number().int().min(0).max(65_535).default(byDefault);

/** Every setting with its default; README.md lists them with their meaning. */
const variables = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: port(4000),
  DATABASE_URL: z
    .string()
    .regex(/^(file:.+|postgres(ql)?:\/\/.+)$/, 'must start with file:, postgres:// or postgresql://')
    .refine((url) => url.startsWith('file:') || URL.canParse(url), 'must be a valid URL; escape special characters')
    .default('file:./data/videos.db'),
  GROK_API_KEY: z
    .string('must be set to the key of the REST API; `npm run dev` works without one')
    .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters, as it is sent in an HTTP header'),
  GROK_API_BASE_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
    .refine((url) => !URL.parse(url)?.username, 'must not contain a user name or password')
    .default('https://zcbservice.aizfw.cn/kyyReactApiServer'),
  GROK_SUBMIT_TIMEOUT_MS: milliseconds(30_000),
  GROK_CHECK_TIMEOUT_MS: milliseconds(15_000),
  TRACKER_FIRST_CHECK_MS: milliseconds(30_000),
  TRACKER_INTERVAL_MS: milliseconds(30_000),
  TRACKER_CONCURRENCY: z.coerce.number().int().min(1).max(1_000).default(10),
  IDEMPOTENCY_KEY_DAYS: z.coerce.number().min(1).max(3650).default(30),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  SANDBOX_PORT: port(4010),
});

/** The settings by name, and their defaults where they have one; for the documentation's test. */
export const settingNames = Object.keys(variables.shape);

/** With the sandbox in the place of the upstream, any key opens it and nothing has to be waited for. */
const sandboxDefaults = {
  GROK_API_KEY: 'sandbox',
  // Real tasks are none of the sandbox's: it would say that it does not know them.
  DATABASE_URL: 'file:./data/sandbox.db',
  TRACKER_FIRST_CHECK_MS: '1000',
  TRACKER_INTERVAL_MS: '1000',
};

/** A crashed process's tasks are nobody's only after everything it could still have been doing has timed out. */
const leaseMarginMs = 5_000;

const dayMs = 24 * 60 * 60_000;

/** How often the tracker looks for due tasks at most. */
const maxPollMs = 1_000;

export type Environment = ReturnType<typeof group>;

/**
 * Reads the settings. In development, and only there, the bundled sandbox takes the upstream's place where no key is
 * set.
 *
 * @throws EnvironmentError naming every setting that is missing or wrong.
 */
export function readEnvironment(
  source: Record<string, string | undefined> = process.env,
  { development = false } = {},
): Environment {
  // A variable that is set to nothing, as in a copied .env.example, is not set.
  const trimmed = Object.entries(source).map(([name, value = '']) => [name, value.trim()] as const);
  const given = Object.fromEntries(trimmed.filter(([, value]) => value !== ''));
  const sandbox = development && !('GROK_API_KEY' in given);
  const { success, data, error } = variables.safeParse(sandbox ? { ...sandboxDefaults, ...given } : given);
  if (!success) throw new EnvironmentError(error.issues.map(({ path, message }) => `${path.join('.')} ${message}`));
  return group(data, { development, sandbox });
}

function group(
  settings: z.infer<typeof variables>,
  { development, sandbox }: { development: boolean; sandbox: boolean },
) {
  return {
    server: { host: settings.HOST, port: settings.PORT },
    databaseUrl: settings.DATABASE_URL,
    upstream: {
      apiKey: settings.GROK_API_KEY,
      baseUrl: settings.GROK_API_BASE_URL,
      submitTimeoutMs: settings.GROK_SUBMIT_TIMEOUT_MS,
      checkTimeoutMs: settings.GROK_CHECK_TIMEOUT_MS,
    },
    submitLeaseMs: settings.GROK_SUBMIT_TIMEOUT_MS + leaseMarginMs,
    idempotencyKeyLifetimeMs: settings.IDEMPOTENCY_KEY_DAYS * dayMs,
    schedule: { firstCheckMs: settings.TRACKER_FIRST_CHECK_MS, intervalMs: settings.TRACKER_INTERVAL_MS },
    tracker: {
      concurrency: settings.TRACKER_CONCURRENCY,
      leaseMs: settings.GROK_CHECK_TIMEOUT_MS + leaseMarginMs,
      pollMs: Math.min(settings.TRACKER_INTERVAL_MS, maxPollMs),
    },
    log: { level: settings.LOG_LEVEL, pretty: development },
    /** The sandbox to be used instead of the upstream's base URL, if any. */
    sandbox: sandbox ? { port: settings.SANDBOX_PORT } : null,
  };
}

/** The settings do not add up; nothing was started. */
export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';

  constructor(problems: readonly string[]) {
    super(`${problems.join('; ')}.`);
  }
}
