import { describe, expect, test } from 'vitest';
import { readEnvironment } from '../src/environment.ts';

const key = 'sk-test-4f9d1c';
const production = (variables: Record<string, string> = {}) => readEnvironment({ GROK_API_KEY: key, ...variables });
const development = (variables: Record<string, string> = {}) => readEnvironment(variables, { development: true });

test('with nothing but a key, every setting has its documented default', () => {
  expect(production()).toEqual({
    server: {
      host: '127.0.0.1',
      port: 4000,
      headersTimeoutMs: 10_000,
      requestTimeoutMs: 60_000,
      stalledTimeoutMs: 240_000,
      maxConnections: 10_000,
      maxBodyBytes: 20 * 1024 * 1024,
      maxValues: 10_000,
      corsOrigins: [],
      graphiql: false,
      fastPath: true,
      introspection: false,
      persistedOperationsFile: null,
    },
    access: { host: '127.0.0.1', jwt: null, limits: { submitsPerMinute: 60, secondsPerDay: 3_600, callsPerDay: 360 } },
    maxSubscriptions: 500,
    documents: {
      maxDocumentCharacters: 100_000,
      maxTokens: 2_000,
      maxDepth: 12,
      maxAliases: 50,
      maxDirectives: 50,
      maxComplexity: 20_000,
    },
    databaseUrl: 'file:./data/videos.db',
    storage: { kind: 'disk', folder: 'data/videos-files', createFolder: true, minFreeBytes: 1_073_741_824 },
    upstream: {
      apiKey: key,
      baseUrl: 'https://zcbservice.aizfw.cn/kyyReactApiServer',
      submitTimeoutMs: 30_000,
      checkTimeoutMs: 15_000,
    },
    submitLeaseMs: expect.any(Number),
    idempotencyKeyLifetimeMs: 30 * 24 * 3_600_000,
    schedule: { firstCheckMs: 30_000, intervalMs: 30_000 },
    tracker: { concurrency: 100, leaseMs: expect.any(Number), pollMs: 1_000 },
    outbound: { privateHosts: [] },
    log: { level: 'info', pretty: false },
    sandbox: null,
  });
});

test('every setting reaches its part, and values that depend on a setting follow it', () => {
  const environment = production({
    HOST: '0.0.0.0',
    PORT: '8080',
    DATABASE_URL: 'file:/var/lib/videos.db',
    STORAGE_URL: 's3://videos/some/prefix',
    STORAGE_MIN_FREE_BYTES: '17',
    S3_ENDPOINT: 'http://127.0.0.1:8085',
    S3_REGION: 'eu-central-1',
    S3_ADDRESSING: 'virtual',
    AWS_ACCESS_KEY_ID: 'AKIA0',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SESSION_TOKEN: 'token',
    GROK_API_BASE_URL: 'http://127.0.0.1:8009/api',
    GROK_SUBMIT_TIMEOUT_MS: '1000',
    GROK_CHECK_TIMEOUT_MS: '2000',
    TRACKER_FIRST_CHECK_MS: '3000',
    TRACKER_INTERVAL_MS: '400',
    TRACKER_CONCURRENCY: '5',
    IDEMPOTENCY_KEY_DAYS: '2',
    JWT_JWKS_URL: 'https://login.example.com/keys',
    JWT_ISSUER: 'https://login.example.com/',
    JWT_AUDIENCE: 'videos',
    JWT_ALGORITHMS: 'ES384, RS256',
    JWT_CLIENT_CLAIM: 'azp',
    JWT_SCOPE_CLAIM: 'permissions',
    JWT_DEFAULT_SCOPES: 'read,submit',
    SUBMITS_PER_MINUTE: '1',
    SECONDS_PER_DAY: 'none',
    CALLS_PER_DAY: '0',
    MAX_BODY_BYTES: '2',
    MAX_VALUES: '12',
    MAX_DOCUMENT_CHARACTERS: '13',
    MAX_TOKENS: '3',
    MAX_DEPTH: '4',
    MAX_ALIASES: '5',
    MAX_DIRECTIVES: '6',
    MAX_COMPLEXITY: '7',
    MAX_SUBSCRIPTIONS: '8',
    MAX_CONNECTIONS: '12',
    HEADERS_TIMEOUT_MS: '9',
    REQUEST_TIMEOUT_MS: '10',
    STALLED_TIMEOUT_MS: '11',
    PERSISTED_OPERATIONS_FILE: 'operations.json',
    INTROSPECTION: 'on',
    GRAPHIQL: 'on',
    FAST_PATH: 'off',
    CORS_ORIGINS: 'https://app.example.com, http://localhost:3000',
    OUTBOUND_PRIVATE_HOSTS: 'videos.internal:8080, [fd00::7]:443',
    LOG_LEVEL: 'debug',
  });
  expect(environment).toEqual({
    server: {
      host: '0.0.0.0',
      port: 8080,
      headersTimeoutMs: 9,
      requestTimeoutMs: 10,
      stalledTimeoutMs: 11,
      maxConnections: 12,
      maxBodyBytes: 2,
      maxValues: 12,
      corsOrigins: ['https://app.example.com', 'http://localhost:3000'],
      graphiql: true,
      fastPath: false,
      introspection: true,
      persistedOperationsFile: 'operations.json',
    },
    access: {
      host: '0.0.0.0',
      jwt: {
        jwksUrl: 'https://login.example.com/keys',
        jwksFile: null,
        issuer: 'https://login.example.com/',
        audience: 'videos',
        algorithms: ['ES384', 'RS256'],
        clientClaim: 'azp',
        scopeClaim: 'permissions',
        defaultScopes: ['read', 'submit'],
      },
      limits: { submitsPerMinute: 1, secondsPerDay: null, callsPerDay: 0 },
    },
    maxSubscriptions: 8,
    documents: {
      maxDocumentCharacters: 13,
      maxTokens: 3,
      maxDepth: 4,
      maxAliases: 5,
      maxDirectives: 6,
      maxComplexity: 7,
    },
    databaseUrl: 'file:/var/lib/videos.db',
    storage: {
      kind: 's3',
      bucket: 'videos',
      prefix: 'some/prefix',
      endpoint: 'http://127.0.0.1:8085',
      region: 'eu-central-1',
      addressing: 'virtual',
      accessKeyId: 'AKIA0',
      secretAccessKey: 'secret',
      sessionToken: 'token',
      minFreeBytes: 17,
      temporaryDirectory: expect.any(String),
    },
    upstream: { apiKey: key, baseUrl: 'http://127.0.0.1:8009/api', submitTimeoutMs: 1_000, checkTimeoutMs: 2_000 },
    submitLeaseMs: expect.any(Number),
    idempotencyKeyLifetimeMs: 2 * 24 * 3_600_000,
    schedule: { firstCheckMs: 3_000, intervalMs: 400 },
    tracker: { concurrency: 5, leaseMs: expect.any(Number), pollMs: 400 },
    outbound: { privateHosts: ['videos.internal:8080', '[fd00::7]:443'] },
    log: { level: 'debug', pretty: false },
    sandbox: null,
  });
});

test('a task is leased for longer than a submit or a check of it can take', () => {
  const { submitLeaseMs, tracker, upstream } = production({
    GROK_SUBMIT_TIMEOUT_MS: '600000',
    GROK_CHECK_TIMEOUT_MS: '500000',
  });
  expect(submitLeaseMs).toBeGreaterThan(upstream.submitTimeoutMs);
  expect(tracker.leaseMs).toBeGreaterThan(upstream.checkTimeoutMs);
});

test.each([
  ['nothing, as in a copied .env.example,', ''],
  ['blanks, which as a number would be 0,', ' \t'],
])('a variable that is set to %s counts as not set', (_, value) => {
  const names = ['HOST', 'PORT', 'DATABASE_URL', 'GROK_API_BASE_URL', 'TRACKER_INTERVAL_MS', 'LOG_LEVEL'];
  expect(production(Object.fromEntries(names.map((name) => [name, value])))).toEqual(production());
});

describe('without a key', () => {
  test.each([
    ['unset', {}],
    ['empty', { GROK_API_KEY: '' }],
    ['blank', { GROK_API_KEY: ' \t' }],
  ])('development uses the sandbox, at a pace one can watch (%s)', (_, variables) => {
    const { sandbox, schedule, tracker, databaseUrl } = development(variables);
    expect(sandbox).toEqual({ port: 4010 });
    // The sandbox would answer that real tasks do not exist, and they would fail.
    expect(databaseUrl).not.toBe(production({}).databaseUrl);
    expect(schedule).toEqual({ firstCheckMs: 1_000, intervalMs: 1_000 });
    expect(tracker.pollMs).toBeLessThanOrEqual(schedule.intervalMs);
  });

  test('development keeps to the settings that are given', () => {
    const { sandbox, schedule } = development({ SANDBOX_PORT: '5010', TRACKER_INTERVAL_MS: '5000' });
    expect(sandbox).toEqual({ port: 5010 });
    expect(schedule).toEqual({ firstCheckMs: 1_000, intervalMs: 5_000 });
  });
});

test('with a key, development differs from production only in how it logs and in what it shows of the schema', () => {
  const { log, server, ...settings } = development({ GROK_API_KEY: key });
  const { log: productionLog, server: productionServer, ...productionSettings } = production();
  expect(settings).toEqual(productionSettings);
  expect(server).toEqual({ ...productionServer, graphiql: true, introspection: true });
  expect(log).toEqual({ ...productionLog, pretty: true });
});

test('blanks and line ends around the key, as left by copying, are not part of it', () => {
  expect(production({ GROK_API_KEY: ` ${key}\n` }).upstream.apiKey).toBe(key);
});

test.each([
  'https://app.example.com',
  'http://localhost:5173',
  'http://[::1]:3000',
  'capacitor://localhost',
  'ionic://localhost',
  'tauri://localhost',
  'app://-',
  'chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb',
])('%s may be listed as an origin', (origin) => {
  expect(production({ CORS_ORIGINS: `https://www.example.com,${origin}` }).server.corsOrigins).toContain(origin);
});

test.each([
  '*',
  'null',
  'app.example.com',
  'https://app.example.com/',
  'https://app.example.com:443',
  'https://App.example.com',
  'https://user@app.example.com',
  'https://app.example.com?x',
  'https://app.example.com#x',
  'https://',
  'capacitor://',
  'capacitor:localhost',
  'capacitor://localhost/',
  'file:///srv/app',
  'data:text/html,x',
])('%s is no origin as browsers send it, and is refused', (origin) => {
  expect(() => production({ CORS_ORIGINS: origin })).toThrow(/^CORS_ORIGINS must be origins/);
});
