import { describe, expect, test } from 'vitest';
import { type Environment, EnvironmentError, readEnvironment } from '../src/environment.ts';

const key = 'sk-test-4f9d1c';
const production = (variables: Record<string, string> = {}) => readEnvironment({ GROK_API_KEY: key, ...variables });
const development = (variables: Record<string, string> = {}) => readEnvironment(variables, { development: true });

/** What a start over wrong settings says. */
function complaintAbout(read: () => Environment): string {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(EnvironmentError);
    return (error as EnvironmentError).message;
  }
  return expect.fail('the settings should have been refused');
}

test('with nothing but a key, every setting has its documented default', () => {
  expect(production()).toEqual({
    server: { host: '127.0.0.1', port: 4000 },
    databaseUrl: 'file:./data/videos.db',
    upstream: {
      apiKey: key,
      baseUrl: 'https://zcbservice.aizfw.cn/kyyReactApiServer',
      submitTimeoutMs: 30_000,
      checkTimeoutMs: 15_000,
    },
    submitLeaseMs: expect.any(Number),
    idempotencyKeyLifetimeMs: 30 * 24 * 3_600_000,
    schedule: { firstCheckMs: 30_000, intervalMs: 30_000 },
    tracker: { concurrency: 10, leaseMs: expect.any(Number), pollMs: 1_000 },
    log: { level: 'info', pretty: false },
    sandbox: null,
  });
});

test('every setting arrives where it is used, and what depends on a setting follows it', () => {
  const environment = production({
    HOST: '0.0.0.0',
    PORT: '8080',
    DATABASE_URL: 'file:/var/lib/videos.db',
    GROK_API_BASE_URL: 'http://127.0.0.1:9/api',
    GROK_SUBMIT_TIMEOUT_MS: '1000',
    GROK_CHECK_TIMEOUT_MS: '2000',
    TRACKER_FIRST_CHECK_MS: '3000',
    TRACKER_INTERVAL_MS: '400',
    TRACKER_CONCURRENCY: '5',
    IDEMPOTENCY_KEY_DAYS: '2',
    LOG_LEVEL: 'debug',
  });
  expect(environment).toEqual({
    server: { host: '0.0.0.0', port: 8080 },
    databaseUrl: 'file:/var/lib/videos.db',
    upstream: { apiKey: key, baseUrl: 'http://127.0.0.1:9/api', submitTimeoutMs: 1_000, checkTimeoutMs: 2_000 },
    submitLeaseMs: expect.any(Number),
    idempotencyKeyLifetimeMs: 2 * 24 * 3_600_000,
    schedule: { firstCheckMs: 3_000, intervalMs: 400 },
    tracker: { concurrency: 5, leaseMs: expect.any(Number), pollMs: 400 },
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

describe('wrong settings', () => {
  test('are named all at once, in one line', () => {
    const wrong = {
      PORT: '65536',
      DATABASE_URL: 'mysql://localhost/videos',
      GROK_API_BASE_URL: 'ftp://example.com',
      GROK_SUBMIT_TIMEOUT_MS: '0',
      GROK_CHECK_TIMEOUT_MS: '1.5',
      TRACKER_FIRST_CHECK_MS: 'soon',
      TRACKER_INTERVAL_MS: '-1',
      TRACKER_CONCURRENCY: '0',
      IDEMPOTENCY_KEY_DAYS: '0',
      LOG_LEVEL: 'loud',
      SANDBOX_PORT: 'x',
    };
    const complaint = complaintAbout(() => readEnvironment(wrong));
    for (const name of [...Object.keys(wrong), 'GROK_API_KEY']) expect.soft(complaint).toContain(`${name} `);
    expect(complaint).not.toContain('\n');
    // What is right is not complained about.
    expect(complaint).not.toContain('HOST');
  });

  test('do not give away what they were set to', () => {
    const complaint = complaintAbout(() =>
      production({ DATABASE_URL: 'postgre://videos:hunter2@db/videos', GROK_API_BASE_URL: 'hunter2', PORT: 'hunter2' }),
    );
    expect(complaint).not.toContain('hunter2');
  });
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
  ])('production does not start and names the variable (%s)', (_, variables) => {
    expect(complaintAbout(() => readEnvironment(variables))).toContain('GROK_API_KEY');
  });

  test.each([
    ['unset', {}],
    ['empty', { GROK_API_KEY: '' }],
    ['blank', { GROK_API_KEY: ' \t' }],
  ])('development uses the sandbox, at a pace one can watch (%s)', (_, variables) => {
    const { sandbox, schedule, tracker, databaseUrl } = development(variables);
    expect(sandbox).toEqual({ port: 4010 });
    // Of real tasks it would say that it does not know them, and they would fail.
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

test('with a key, development differs from production only in how it logs', () => {
  const { log, ...settings } = development({ GROK_API_KEY: key });
  const { log: productionLog, ...productionSettings } = production();
  expect(settings).toEqual(productionSettings);
  expect(log).toEqual({ ...productionLog, pretty: true });
});

test('blanks and line ends around the key, as left by copying, are not part of it', () => {
  expect(production({ GROK_API_KEY: ` ${key}\n` }).upstream.apiKey).toBe(key);
});

test.each(['sk-ключ', 'sk-1\nsk-2'])('a key that no HTTP header can carry is refused at the start: %j', (wrong) => {
  const complaint = complaintAbout(() => production({ GROK_API_KEY: wrong }));
  expect(complaint).toContain('GROK_API_KEY');
  expect(complaint).not.toContain(wrong);
});

test.each([
  'file:./data/videos.db',
  'file:/var/lib/videos.db',
  'postgres://videos:secret@db.internal:5432/videos?sslmode=require',
  'postgresql://videos@localhost/videos',
])('%s is a DATABASE_URL', (url) => {
  expect(production({ DATABASE_URL: url }).databaseUrl).toBe(url);
});

test.each([
  'videos.db',
  './data/videos.db',
  'file:',
  'postgres://',
  'postgresql:videos',
  'postgres://user:pass word@[db/videos',
  'mysql://localhost/videos',
  'http://postgres://localhost',
  'sqlite:videos.db',
])('%s is no DATABASE_URL', (url) => {
  expect(complaintAbout(() => production({ DATABASE_URL: url }))).toContain('DATABASE_URL');
});
