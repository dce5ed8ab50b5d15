import { z } from 'zod';
import { isLoopback } from './access/authenticator.ts';
import { type Scope, scopes } from './access/caller.ts';
import { type JwtSettings, jwtAlgorithms } from './access/jwt.ts';
import { isUnambiguous } from './database/database-url.ts';
import { OperatorError } from './errors.ts';
import { fetchable, isFetchablePort } from './fetchable.ts';
import { count, limit, list, milliseconds, onOrOff, port, someOf } from './setting-types.ts';

/** Every setting with its default; README.md lists them with their meaning. */
const variables = z.object({
  HOST: z.string().default('127.0.0.1'),
  PORT: port(4000),
  DATABASE_URL: z
    .string()
    .regex(/^(file:.+|postgres(ql)?:\/\/.+)$/, 'must start with file:, postgres:// or postgresql://')
    .refine(
      isUnambiguous,
      'must be a valid URL; escape special characters, of the password too: / as %2F, ? as %3F, # as %23, @ as %40',
    )
    .default('file:./data/videos.db'),
  GROK_API_KEY: z
    .string('must be set to the key of the REST API; `npm run dev` works without one')
    .regex(/^[\x21-\x7e]+$/, 'must be visible ASCII characters, as it is sent in an HTTP header'),
  GROK_API_BASE_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) URL' })
    .refine(...fetchable.withoutCredentials)
    .refine(...fetchable.onFetchablePort)
    .refine(...fetchable.endingInPath)
    .default('https://zcbservice.aizfw.cn/kyyReactApiServer'),
  GROK_SUBMIT_TIMEOUT_MS: milliseconds(30_000),
  GROK_CHECK_TIMEOUT_MS: milliseconds(15_000),
  TRACKER_FIRST_CHECK_MS: milliseconds(30_000),
  TRACKER_INTERVAL_MS: milliseconds(30_000),
  TRACKER_CONCURRENCY: z.coerce.number().int().min(1).max(1_000).default(100),
  IDEMPOTENCY_KEY_DAYS: z.coerce.number().min(1).max(3650).default(30),
  JWT_JWKS_URL: z
    .url({ protocol: /^https?$/, error: 'must be an https URL' })
    .refine((url) => url.startsWith('https:') || isLoopback(URL.parse(url)?.hostname ?? ''), 'must be an https URL')
    .refine(...fetchable.withoutCredentials)
    .refine(...fetchable.onFetchablePort)
    .optional(),
  JWT_JWKS_FILE: z.string().optional(),
  JWT_ISSUER: z.string().optional(),
  JWT_AUDIENCE: z.string().optional(),
  JWT_ALGORITHMS: someOf(jwtAlgorithms).default(['RS256', 'ES256']),
  JWT_CLIENT_CLAIM: z.string().default('sub'),
  JWT_SCOPE_CLAIM: z.string().default('scope'),
  JWT_DEFAULT_SCOPES: someOf(Object.keys(scopes) as Scope[]).default([]),
  SUBMITS_PER_MINUTE: limit(60),
  SECONDS_PER_DAY: limit(3_600),
  CALLS_PER_DAY: limit(360),
  MAX_BODY_BYTES: count(20 * 1024 * 1024),
  MAX_VALUES: count(10_000),
  MAX_DOCUMENT_CHARACTERS: count(100_000),
  MAX_TOKENS: count(2_000),
  MAX_DEPTH: count(12),
  MAX_ALIASES: count(50),
  MAX_DIRECTIVES: count(50),
  MAX_COMPLEXITY: count(20_000),
  MAX_SUBSCRIPTIONS: count(500),
  MAX_CONNECTIONS: count(10_000),
  HEADERS_TIMEOUT_MS: milliseconds(10_000),
  REQUEST_TIMEOUT_MS: milliseconds(60_000),
  STALLED_TIMEOUT_MS: milliseconds(240_000),
  PERSISTED_OPERATIONS_FILE: z.string().optional(),
  INTROSPECTION: onOrOff,
  GRAPHIQL: onOrOff,
  CORS_ORIGINS: list
    .refine(
      (origins) => origins.every((origin) => URL.parse(origin)?.origin === origin),
      'must be origins, such as https://app.example.com',
    )
    .default([]),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  // The upstream's client has to reach it; 0 means any port that is free.
  SANDBOX_PORT: port(4010).refine((chosen) => chosen === 0 || isFetchablePort(chosen), fetchable.onFetchablePort[1]),
});

/** The settings by name, and their defaults where they have one; for the documentation's test. */
export const settingNames = Object.keys(variables.shape);

/** With the sandbox in the place of the upstream, any key opens it and nothing has to be waited for. */
const sandboxDefaults = {
  // Not a word that the sandbox uses: wherever a key turns up in the upstream's text, it is blotted out.
  GROK_API_KEY: 'any-key-opens-the-sandbox',
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

type Source = Record<string, string | undefined>;

interface Mode {
  /** Whether the bundled sandbox may take the upstream's place. */
  readonly development?: boolean;
}

/**
 * Reads the settings. In development, and only there, the bundled sandbox takes the upstream's place where no key is
 * set.
 *
 * @throws EnvironmentError naming every setting that is missing or wrong.
 */
export function readEnvironment(source: Source = process.env, { development = false }: Mode = {}): Environment {
  const { given, sandbox } = settingsIn(source, development);
  const { success, data, error } = variables.safeParse(given);
  const problems = error ? sentencesOf(error) : jwtProblems(given);
  if (!success || problems.length > 0) throw new EnvironmentError(problems);
  return group(data, { development, sandbox });
}

/**
 * Which database the service uses: for programs that need nothing else of it.
 *
 * @throws EnvironmentError when it is none.
 */
export function readDatabaseUrl(source: Source = process.env, { development = false }: Mode = {}): string {
  const { given } = settingsIn(source, development);
  const { success, data, error } = variables.pick({ DATABASE_URL: true }).safeParse(given);
  if (!success) throw new EnvironmentError(sentencesOf(error));
  return data.DATABASE_URL;
}

/** The settings that are set, by name, and whether the sandbox is to be used. */
function settingsIn(source: Source, development: boolean): { given: Record<string, string>; sandbox: boolean } {
  // A variable that is set to nothing, as in a copied .env.example, is not set.
  const trimmed = Object.entries(source).map(([name, value = '']) => [name, value.trim()] as const);
  const given = Object.fromEntries(trimmed.filter(([, value]) => value !== ''));
  const sandbox = development && !('GROK_API_KEY' in given);
  return { given: sandbox ? { ...sandboxDefaults, ...given } : given, sandbox };
}

const sentencesOf = ({ issues }: z.ZodError): string[] =>
  issues.map(({ path, message }) => `${path.join('.')} ${message}`);

/** Of a token that anybody may have issued, for anybody, nothing can be believed. */
function jwtProblems(given: Record<string, string>): string[] {
  const keys = ['JWT_JWKS_URL', 'JWT_JWKS_FILE'].filter((name) => name in given);
  const needed = ['JWT_ISSUER', 'JWT_AUDIENCE'];
  if (keys.length > 1) return ['JWT_JWKS_URL and JWT_JWKS_FILE cannot both be set'];
  if (keys.length === 1)
    return needed.filter((name) => !(name in given)).map((name) => `${name} must be set with ${keys}`);
  return needed.filter((name) => name in given).map((name) => `${name} needs JWT_JWKS_URL or JWT_JWKS_FILE`);
}

type Settings = z.infer<typeof variables>;

function jwtOf(settings: Settings): JwtSettings | null {
  const { JWT_JWKS_URL: jwksUrl = null, JWT_JWKS_FILE: jwksFile = null } = settings;
  if (jwksUrl === null && jwksFile === null) return null;
  return {
    jwksUrl,
    jwksFile,
    issuer: settings.JWT_ISSUER ?? '',
    audience: settings.JWT_AUDIENCE ?? '',
    algorithms: settings.JWT_ALGORITHMS,
    clientClaim: settings.JWT_CLIENT_CLAIM,
    scopeClaim: settings.JWT_SCOPE_CLAIM,
    defaultScopes: settings.JWT_DEFAULT_SCOPES,
  };
}

function group(settings: Settings, { development, sandbox }: { development: boolean; sandbox: boolean }) {
  return {
    server: {
      host: settings.HOST,
      port: settings.PORT,
      headersTimeoutMs: settings.HEADERS_TIMEOUT_MS,
      requestTimeoutMs: settings.REQUEST_TIMEOUT_MS,
      stalledTimeoutMs: settings.STALLED_TIMEOUT_MS,
      maxConnections: settings.MAX_CONNECTIONS,
      maxBodyBytes: settings.MAX_BODY_BYTES,
      maxValues: settings.MAX_VALUES,
      corsOrigins: settings.CORS_ORIGINS,
      graphiql: settings.GRAPHIQL ?? development,
      introspection: settings.INTROSPECTION ?? development,
      persistedOperationsFile: settings.PERSISTED_OPERATIONS_FILE ?? null,
    },
    access: {
      host: settings.HOST,
      jwt: jwtOf(settings),
      limits: {
        submitsPerMinute: settings.SUBMITS_PER_MINUTE,
        secondsPerDay: settings.SECONDS_PER_DAY,
        callsPerDay: settings.CALLS_PER_DAY,
      },
    },
    maxSubscriptions: settings.MAX_SUBSCRIPTIONS,
    documents: {
      maxDocumentCharacters: settings.MAX_DOCUMENT_CHARACTERS,
      maxTokens: settings.MAX_TOKENS,
      maxDepth: settings.MAX_DEPTH,
      maxAliases: settings.MAX_ALIASES,
      maxDirectives: settings.MAX_DIRECTIVES,
      maxComplexity: settings.MAX_COMPLEXITY,
    },
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
export class EnvironmentError extends OperatorError {
  override readonly name = 'EnvironmentError';

  constructor(problems: readonly string[]) {
    super(`${problems.join('; ')}.`);
  }
}
