import type { z } from 'zod';
import type { JwtSettings } from './access/jwt.ts';
import { OperatorError } from './errors.ts';
import { secretIn } from './service-secret.ts';
import { type Settings, settings as variables } from './settings.ts';
import { linkProblems, placeSettings, storageOf, storageProblems } from './storage-environment.ts';

/** Defaults while the sandbox stands in for the upstream: it accepts any key and finishes videos within seconds. */
const sandboxDefaults = {
  // The upstream client redacts the key in all texts of the upstream, so this must not be a word that the sandbox uses.
  GROK_API_KEY: 'any-key-opens-the-sandbox',
  // A database of its own, because the sandbox would answer for a real task that it does not exist.
  DATABASE_URL: 'file:./data/sandbox.db',
  TRACKER_FIRST_CHECK_MS: '1000',
  TRACKER_INTERVAL_MS: '1000',
};

/**
 * How much longer than the longest request a lease lasts. A task of a crashed process may be claimed only after every
 * request that the process may have had under way has timed out.
 */
const leaseMarginMs = 5_000;

const hourMs = 60 * 60_000;
const dayMs = 24 * hourMs;

/** The longest pause between two looks for due tasks. */
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
  const problems = error
    ? sentencesOf(error)
    : [...jwtProblems(given), ...storageProblems(given), ...linkProblems(data)];
  if (!success || problems.length > 0) throw new EnvironmentError(problems);
  return group(data, { development, sandbox });
}

/**
 * The database URL alone, for programs that need no other setting.
 *
 * @throws EnvironmentError when DATABASE_URL is not valid.
 */
export const readDatabaseUrl = (source?: Source, mode?: Mode): string =>
  readBy(variables.pick({ DATABASE_URL: true }), source, mode).data.DATABASE_URL;

/**
 * The database and the account of the upstream, for programs that need no other setting.
 *
 * @throws EnvironmentError when one of the two settings is not valid.
 */
export function readAccount(source?: Source, mode?: Mode) {
  const { data } = readBy(variables.pick({ DATABASE_URL: true, UPSTREAM_ACCOUNT: true }), source, mode);
  return { databaseUrl: data.DATABASE_URL, account: data.UPSTREAM_ACCOUNT };
}

/**
 * Where the database and the files are, for programs that need no other setting.
 *
 * @throws EnvironmentError when one of their settings is missing or wrong.
 */
export function readPlaces(source?: Source, mode?: Mode) {
  const { data, given } = readBy(variables.pick(placeSettings), source, mode);
  const problems = storageProblems(given);
  if (problems.length > 0) throw new EnvironmentError(problems);
  return { databaseUrl: data.DATABASE_URL, storage: storageOf(data) };
}

/** The settings of a schema, and all that have a value. */
function readBy<Data>(schema: z.ZodType<Data>, source: Source = process.env, { development = false }: Mode = {}) {
  const { given } = settingsIn(source, development);
  const { success, data, error } = schema.safeParse(given);
  if (!success) throw new EnvironmentError(sentencesOf(error));
  return { data, given };
}

/** Which database it is, where `npm start` and `npm run dev` would each use another and none is named; null elsewhere. */
export function databaseNote(source: Source = process.env, { development = false }: Mode = {}): string | null {
  const { given } = settingsIn(source, false);
  if (development || 'GROK_API_KEY' in given || 'DATABASE_URL' in given) return null;
  return `The database is that of npm start, ${readDatabaseUrl(source)}. As long as GROK_API_KEY is not set, npm run dev uses ${sandboxDefaults.DATABASE_URL}: for that one, add --development.`;
}

/** The settings that have a value, by name, and whether the sandbox is to be used. */
function settingsIn(source: Source, development: boolean): { given: Record<string, string>; sandbox: boolean } {
  // An empty variable, as in a copied .env.example, counts as not set.
  const trimmed = Object.entries(source).map(([name, value = '']) => [name, value.trim()] as const);
  const given = Object.fromEntries(trimmed.filter(([, value]) => value !== ''));
  const sandbox = development && !('GROK_API_KEY' in given);
  return { given: sandbox ? { ...sandboxDefaults, ...given } : given, sandbox };
}

const sentencesOf = ({ issues }: z.ZodError): string[] =>
  issues.map(({ path, message }) => `${path.join('.')} ${message}`);

/**
 * What is wrong with the JWT settings as a group. Issuer and audience are required, because without them a token from
 * any issuer, made for any service, would be accepted.
 */
function jwtProblems(given: Record<string, string>): string[] {
  const keys = ['JWT_JWKS_URL', 'JWT_JWKS_FILE'].filter((name) => name in given);
  const needed = ['JWT_ISSUER', 'JWT_AUDIENCE'];
  if (keys.length > 1) return ['JWT_JWKS_URL and JWT_JWKS_FILE cannot both be set'];
  if (keys.length === 1)
    return needed.filter((name) => !(name in given)).map((name) => `${name} must be set with ${keys}`);
  return needed.filter((name) => name in given).map((name) => `${name} needs JWT_JWKS_URL or JWT_JWKS_FILE`);
}

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

const mediaOf = (settings: Settings) => ({
  linkHours: settings.FILE_LINK_HOURS,
  maxVideoBytes: settings.MAX_VIDEO_BYTES,
  storeBytesPerSecond: settings.STORE_BYTES_PER_SECOND,
  fileBytesPerSecond: settings.FILE_BYTES_PER_SECOND,
  storing: {
    concurrency: settings.STORE_CONCURRENCY,
    pollMs: pollMsOf(settings),
    retentionDays: settings.VIDEO_RETENTION_DAYS,
    maxClientBytes: settings.STORED_BYTES,
  },
  images: {
    maxUploads: settings.MAX_UPLOADS,
    retentionMs: settings.UPLOAD_RETENTION_HOURS * hourMs,
    maxClientBytes: settings.STORED_BYTES,
    pollMs: pollMsOf(settings),
  },
});

const ordersOf = (settings: Settings) => ({
  account: settings.UPSTREAM_ACCOUNT,
  submitsPerMinute: settings.UPSTREAM_SUBMITS_PER_MINUTE,
  maxOpen: settings.UPSTREAM_MAX_OPEN,
  maxWaitMs: settings.MAX_WAIT_HOURS * hourMs,
  maxWaiting: settings.MAX_WAITING,
  submitLeaseMs: settings.GROK_SUBMIT_TIMEOUT_MS + leaseMarginMs,
  pollMs: pollMsOf(settings),
});

const pollMsOf = ({ TRACKER_INTERVAL_MS }: Settings): number => Math.min(TRACKER_INTERVAL_MS, maxPollMs);

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
      fastPath: settings.FAST_PATH ?? true,
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
        maxOpen: null,
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
    storage: storageOf(settings),
    serviceSecrets: settings.SERVICE_SECRET?.map((text) => secretIn(text)).filter((secret) => secret !== null) ?? null,
    publicBaseUrl: settings.PUBLIC_BASE_URL ?? null,
    media: mediaOf(settings),
    upstream: {
      apiKey: settings.GROK_API_KEY,
      baseUrl: settings.GROK_API_BASE_URL,
      submitTimeoutMs: settings.GROK_SUBMIT_TIMEOUT_MS,
      checkTimeoutMs: settings.GROK_CHECK_TIMEOUT_MS,
    },
    orders: ordersOf(settings),
    idempotencyKeyLifetimeMs: settings.IDEMPOTENCY_KEY_DAYS * dayMs,
    schedule: { firstCheckMs: settings.TRACKER_FIRST_CHECK_MS, intervalMs: settings.TRACKER_INTERVAL_MS },
    tracker: {
      concurrency: settings.TRACKER_CONCURRENCY,
      leaseMs: settings.GROK_CHECK_TIMEOUT_MS + leaseMarginMs,
      pollMs: pollMsOf(settings),
    },
    outbound: { privateHosts: settings.OUTBOUND_PRIVATE_HOSTS },
    log: { level: settings.LOG_LEVEL, pretty: development },
    /** Where the sandbox listens; null when the real upstream is used. */
    sandbox: sandbox
      ? {
          port: settings.SANDBOX_PORT,
          submitsPerMinute: settings.SANDBOX_SUBMITS_PER_MINUTE,
          credit: settings.SANDBOX_CREDIT,
        }
      : null,
  };
}

/** A setting is missing or wrong, so nothing was started. The message names each of them. */
export class EnvironmentError extends OperatorError {
  override readonly name = 'EnvironmentError';

  constructor(problems: readonly string[]) {
    super(`${problems.join('; ')}.`);
  }
}
